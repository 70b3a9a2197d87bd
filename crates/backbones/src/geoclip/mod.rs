//! The location encoder of `GeoCLIP` and the network after its image encoder.
//!
//! Vivanco Cepeda, Nayak and Shah, "`GeoCLIP`: Clip-Inspired Alignment between Locations and Images
//! for Effective Worldwide Geo-localization" (`NeurIPS` 2023), section 3. The image encoder is CLIP's
//! ViT-L/14 with its projection, [`VitConfig::clip_large14`](crate::VitConfig::clip_large14). The
//! cosine between both embeddings times `exp(logit scale)` is the score of a place; the published
//! answer is the best of a gallery of 100,000 places.
//!
//! | file of the Python package `geoclip` | here |
//! |---|---|
//! | `location_encoder_weights.pth`: `LocEnc0.capsule.0.b`, `capsule.1`, `3`, `5`, `head.0` | `capsules.0.frequencies`, `layers.0` to `2`, `head` of [`LocationEncoder`], by [`location_keys`] |
//! | `image_encoder_mlp_weights.pth`: `0`, `2` | `first`, `second` of [`ImageProjection`], by [`image_keys`] |
//! | `logit_scale_weights.pth`: one number | [`read_scalar`](crate::weights::read_scalar) |
//! | `coordinates_100K.csv` | [`LocationGallery::read_places`] |

mod equal_earth;
mod gallery;
mod image;
mod location;

pub use equal_earth::equal_earth;
pub use gallery::{GalleryError, LocationGallery};
pub use image::{ImageProjection, image_keys};
pub use location::{LocationEncoder, LocationEncoderConfig, location_keys};

#[cfg(test)]
mod tests;
