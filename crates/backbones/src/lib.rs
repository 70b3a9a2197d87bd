//! Image encoders for image geolocalization, on burn.
//!
//! Every encoder implements [`geoloc_core::Encoder`] and is built from a configuration that
//! travels in the artifact, [`geoloc_core::EncoderConfig`].

pub mod small_cnn;

pub use small_cnn::{SmallCnn, SmallCnnConfig};
