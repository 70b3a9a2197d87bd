//! EfficientNet-Lite with the parameter names of timm (`tf_efficientnet_lite0` and its kin).
//!
//! Tan and Le, "`EfficientNet`" (ICML 2019), table 1, in the Lite variant of its authors: no squeeze
//! and excitation, `ReLU6`, stem and head not scaled. Convolutions pad as `TensorFlow` does ("same"),
//! which puts the odd pixel at the bottom and right; batch norms have epsilon 1e-3.
//!
//! All names are those of the checkpoint (`conv_stem`, `bn1`, `blocks.3.1.conv_dw`, `conv_head`,
//! `bn2`, `classifier`); `*.num_batches_tracked` is set aside.

mod block;
mod config;
mod encoder;

pub use config::{EfficientNetLiteConfig, LiteStage};
pub use encoder::EfficientNetLite;

#[cfg(test)]
mod tests;
