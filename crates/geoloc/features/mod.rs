//! Features computed once: a frozen encoder runs over a data set, heads train on what it gave.
//!
//! [`FeatureRun`] writes a [`FeatureFile`](crate::backbones::feature_file::FeatureFile), and goes on
//! where it was cut off. [`FeatureBatches`] gives its rows to the trainer, with
//! [`Precomputed`](crate::backbones::feature_file::Precomputed) in the place of the encoder:
//!
//! ```no_run
//! use std::sync::Arc;
//! use geoloc::prelude::*;
//! use geoloc::backbones::EfficientNetLiteConfig;
//! use geoloc::backbones::feature_file::{Precision, Precomputed};
//! use geoloc::backbones::weights::load_weights;
//! use geoloc::core::{EncoderConfig, GeoModel, HeadConfig, Training};
//! use geoloc::features::{FeatureBatches, FeatureRun, hash_of_files};
//! use geoloc::heads::embedding::EmbeddingHeadConfig;
//! use geoloc::losses::{DistanceRelations, MultiSimilarity};
//! use geoloc::trainer::{Trainer, TrainerConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (paths, places): (Vec<std::path::PathBuf>, Vec<geoloc::geo_cells::LatLng>) = (vec![], vec![]);
//! let device = Device::default();
//! let config = EfficientNetLiteConfig::lite0();
//! let mut encoder = config.init(&device)?;
//! let weights = load_weights(&mut encoder, "lite0.safetensors", &config.timm_keys())?;
//! let file = FeatureRun::new(&encoder, config.preprocess(), Precision::F32, &device)
//!     .of_photos(&paths, &weights.sha256, "lite0.features")?;
//!
//! let device = device.autodiff();
//! let spec = file.layout().spec;
//! let head = EmbeddingHeadConfig { dim: 256 }.init(&spec, &device)?;
//! let learner = Training {
//!     model: GeoModel { encoder: Precomputed::new(spec), head },
//!     criterion: MultiSimilarity::default(),
//! };
//! let targets = DistanceRelations { positive_km: 0.010, negative_km: 0.025 };
//! let batches = FeatureBatches::new(Arc::new(file), places, targets, 64, 0)?;
//! let fitted = Trainer::new(TrainerConfig::default()).fit(learner, &batches, None, &device)?;
//! # Ok(())
//! # }
//! ```

mod batches;
mod run;

pub use batches::{FeatureBatches, FeatureBatchesError};
pub use run::{FeatureRun, FeatureRunError, hash_of_files};

#[cfg(test)]
mod tests;
