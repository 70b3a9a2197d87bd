//! Search within the most probable cells (Kordopatis-Zilos et al. 2021).

mod decoder;

pub use decoder::{ReferencePhotoError, SearchWithinCell};

#[cfg(test)]
mod tests;
