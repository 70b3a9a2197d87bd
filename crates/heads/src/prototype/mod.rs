//! Refinement of cells by prototypes of their training photos (PIGEON, Haas et al. 2024).

mod decoder;

pub use decoder::{Prototype, PrototypeDecoder};

#[cfg(test)]
mod tests;
