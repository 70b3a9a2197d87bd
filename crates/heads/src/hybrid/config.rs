//! Configuration of the hybrid head.

use burn::nn::{DropoutConfig, LinearConfig};
use burn::tensor::Device;
use geoloc_core::{ConfigError, FeatureSpec, HeadConfig};
use serde::{Deserialize, Serialize};

use super::HybridHead;

/// Configuration of a [`HybridHead`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HybridHeadConfig {
    /// Number of cells: the length of the partition.
    pub cells: usize,
    /// Probability with which a feature is dropped in training, in [0, 1).
    #[serde(default)]
    pub dropout: f64,
    /// Whether all cells share one offset.
    #[serde(default)]
    pub shared: bool,
}

impl HeadConfig for HybridHeadConfig {
    type Head = HybridHead;

    fn init(&self, features: &FeatureSpec, device: &Device) -> Result<HybridHead, ConfigError> {
        ConfigError::check(self.cells > 0, "cells", self.cells as f64, "at least 1")?;
        let expected = "a probability in [0, 1)";
        let ok = (0.0..1.0).contains(&self.dropout);
        ConfigError::check(ok, "dropout", self.dropout, expected)?;
        let offsets = if self.shared { 1 } else { self.cells };
        Ok(HybridHead {
            dropout: DropoutConfig::new(self.dropout).init(),
            cells: LinearConfig::new(features.width, self.cells).init(device),
            offsets: LinearConfig::new(features.width, 2 * offsets).init(device),
        })
    }
}
