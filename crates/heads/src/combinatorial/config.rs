//! Configuration of the geoclass head.

use burn::tensor::Device;
use geoloc_core::{ConfigError, FeatureSpec, HeadConfig};
use serde::{Deserialize, Serialize};

use super::GeoclassHead;
use crate::several::SeveralLinear;

/// Configuration of a [`GeoclassHead`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeoclassHeadConfig {
    /// Number of classes of each geoclass set.
    pub classes: Vec<usize>,
    /// Probability with which a feature is dropped in training, in [0, 1).
    #[serde(default)]
    pub dropout: f64,
}

impl HeadConfig for GeoclassHeadConfig {
    type Head = GeoclassHead;

    fn init(&self, features: &FeatureSpec, device: &Device) -> Result<GeoclassHead, ConfigError> {
        Ok(GeoclassHead {
            sets: SeveralLinear::new("classes", &self.classes, self.dropout, features, device)?,
        })
    }
}
