//! Coordinate regression: scaled to (0, 1) as published, and as a unit vector without a seam.

mod config;
mod decoder;
mod head;

pub use config::{DirectionHeadConfig, ScaledRegressionHeadConfig};
pub use decoder::{DirectionDecoder, ScaledCoordinatesDecoder};
pub use head::{DirectionHead, ScaledRegressionHead};

#[cfg(test)]
mod tests;
