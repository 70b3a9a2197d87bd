//! Configuration of the classifier of named places.

use burn::tensor::Device;
use geoloc_core::{ConfigError, FeatureSpec, HeadConfig};
use serde::{Deserialize, Serialize};

use crate::cell::{CellHead, CellHeadConfig};

/// The city classifier of the published comparison: on globally pooled features, dropout 0.5 and
/// one linear layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedClassHeadConfig {
    /// Number of names.
    pub classes: usize,
    /// Probability with which a feature is dropped in training, in [0, 1).
    #[serde(default = "published_dropout")]
    pub dropout: f64,
}

fn published_dropout() -> f64 {
    0.5
}

impl NamedClassHeadConfig {
    /// The published classifier over `classes` names.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            dropout: published_dropout(),
        }
    }
}

impl HeadConfig for NamedClassHeadConfig {
    type Head = CellHead;

    fn init(&self, features: &FeatureSpec, device: &Device) -> Result<CellHead, ConfigError> {
        ConfigError::check(
            self.classes > 0,
            "classes",
            self.classes as f64,
            "at least 1",
        )?;
        let cells = CellHeadConfig {
            cells: self.classes,
            dropout: self.dropout,
        };
        cells.init(features, device)
    }
}
