//! Image encoders for image geolocalization, on burn.
//!
//! Every encoder implements [`geoloc_core::Encoder`] and is built from a configuration that
//! travels in the artifact, [`geoloc_core::EncoderConfig`]. Parameters have the names of the
//! checkpoints that users bring, and [`weights::load_weights`] reads those.

pub mod convnext;
pub mod efficientnet_lite;
pub mod feature_file;
pub mod geoclip;
pub mod pooling;
pub mod resnet;
pub mod small_cnn;
pub mod vit;
pub mod weights;

mod activation;
mod convolution;
mod feature_map;
mod folding;
mod init;
mod normalization;
#[cfg(feature = "flex")]
mod product;
mod transformer;

pub use convnext::{ConvNext, ConvNextConfig};
pub use efficientnet_lite::{EfficientNetLite, EfficientNetLiteConfig};
pub use resnet::{ResNet, ResNetConfig};
pub use small_cnn::{SmallCnn, SmallCnnConfig};
pub use vit::{Vit, VitConfig};
