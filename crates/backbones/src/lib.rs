//! Encoders.
mod small_cnn;
pub use small_cnn::{SmallCnn, SmallCnnConfig};
