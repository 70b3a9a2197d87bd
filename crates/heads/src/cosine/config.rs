//! Configuration of the cosine head.

use burn::module::{Initializer, Param};
use burn::tensor::{Device, Tensor};
use geoloc_core::{ConfigError, FeatureSpec, HeadConfig};
use serde::{Deserialize, Serialize};

use super::CosineHead;

/// Configuration of a [`CosineHead`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CosineHeadConfig {
    /// Number of cells: the length of the partition.
    pub cells: usize,
    /// Fixed factor on the cosine; `CosPlace` takes 30.
    pub scale: f64,
}

impl HeadConfig for CosineHeadConfig {
    type Head = CosineHead;

    fn init(&self, features: &FeatureSpec, device: &Device) -> Result<CosineHead, ConfigError> {
        ConfigError::check(self.cells > 0, "cells", self.cells as f64, "at least 1")?;
        let positive = self.scale.is_finite() && self.scale > 0.0;
        ConfigError::check(positive, "scale", self.scale, "positive and finite")?;
        // Prototypes of about unit length. Only their direction counts, and an optimiser such as
        // Adam moves each number by about the learning rate whatever its gradient: the longer a
        // prototype, the less a step turns it.
        let normal = Initializer::Normal {
            mean: 0.0,
            std: 1.0 / (features.width.max(1) as f64).sqrt(),
        };
        let scale = Tensor::full([1], self.scale, device);
        Ok(CosineHead {
            prototypes: normal.init([self.cells, features.width], device),
            scale: Param::from_tensor(scale).set_require_grad(false),
        })
    }
}
