//! Configuration of the cell head.

use burn::nn::{DropoutConfig, LinearConfig};
use burn::tensor::Device;
use geoloc_core::{ConfigError, FeatureSpec, HeadConfig};
use serde::{Deserialize, Serialize};

use super::CellHead;

/// Configuration of a [`CellHead`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellHeadConfig {
    /// Number of cells: the length of the partition.
    pub cells: usize,
    /// Probability with which a feature is dropped in training, in [0, 1).
    #[serde(default)]
    pub dropout: f64,
}

impl HeadConfig for CellHeadConfig {
    type Head = CellHead;

    fn init(&self, features: &FeatureSpec, device: &Device) -> Result<CellHead, ConfigError> {
        ConfigError::check(self.cells > 0, "cells", self.cells as f64, "at least 1")?;
        ConfigError::check(
            (0.0..1.0).contains(&self.dropout),
            "dropout",
            self.dropout,
            "a probability in [0, 1)",
        )?;
        Ok(CellHead {
            dropout: DropoutConfig::new(self.dropout).init(),
            linear: LinearConfig::new(features.width, self.cells).init(device),
        })
    }
}
