//! Image encoders for image geolocalization, on burn.
//!
//! Every encoder implements [`geoloc_core::Encoder`] and is built from a configuration that
//! travels in the artifact, [`geoloc_core::EncoderConfig`]. Parameters have the names of the
//! checkpoints that users bring, and [`weights::load_weights`] reads those.

pub mod efficientnet_lite;
pub mod resnet;
pub mod small_cnn;
pub mod weights;

mod feature_map;

pub use efficientnet_lite::{EfficientNetLite, EfficientNetLiteConfig};
pub use resnet::{ResNet, ResNetConfig};
pub use small_cnn::{SmallCnn, SmallCnnConfig};
