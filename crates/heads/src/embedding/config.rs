//! Configuration of the embedding head.

use burn::nn::LinearConfig;
use burn::tensor::Device;
use geoloc_core::{ConfigError, FeatureSpec, HeadConfig};
use serde::{Deserialize, Serialize};

use super::EmbeddingHead;

/// Configuration of an [`EmbeddingHead`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingHeadConfig {
    /// Length of the embedding.
    pub dim: usize,
}

impl HeadConfig for EmbeddingHeadConfig {
    type Head = EmbeddingHead;

    fn init(&self, features: &FeatureSpec, device: &Device) -> Result<EmbeddingHead, ConfigError> {
        ConfigError::check(self.dim > 0, "dim", self.dim as f64, "at least 1")?;
        Ok(EmbeddingHead {
            projection: LinearConfig::new(features.width, self.dim)
                .with_bias(false)
                .init(device),
        })
    }
}
