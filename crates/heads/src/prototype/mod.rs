//! Refinement of cells by prototypes of their training photos (PIGEON, Haas et al. 2024).

mod builder;
mod decoder;

pub use builder::PrototypeBuilder;
pub use decoder::{Prototype, PrototypeDecoder};

#[cfg(test)]
mod tests;
