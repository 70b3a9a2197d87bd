//! Configuration of the mixture head.

use burn::nn::LinearConfig;
use burn::tensor::Device;
use geoloc_core::{ConfigError, FeatureSpec, HeadConfig};
use serde::{Deserialize, Serialize};

use super::MixtureHead;

/// Configuration of a [`MixtureHead`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MixtureHeadConfig {
    /// Number of components; 1 is a plain von Mises-Fisher density.
    pub components: usize,
    /// Smallest concentration.
    pub min_kappa: f64,
    /// Largest concentration: 1e6 is a spread of 6 km along each axis.
    pub max_kappa: f64,
}

impl Default for MixtureHeadConfig {
    /// Three components, as PLONK (Dufour et al. 2025) compares with, κ from 0.1 to 1e6.
    fn default() -> Self {
        Self {
            components: 3,
            min_kappa: 0.1,
            max_kappa: 1e6,
        }
    }
}

impl HeadConfig for MixtureHeadConfig {
    type Head = MixtureHead;

    fn init(&self, features: &FeatureSpec, device: &Device) -> Result<MixtureHead, ConfigError> {
        let n = self.components;
        ConfigError::check(n > 0, "components", n as f64, "at least 1")?;
        let ok = self.min_kappa.is_finite() && self.min_kappa > 0.0;
        ConfigError::check(ok, "min_kappa", self.min_kappa, "positive and finite")?;
        let ok = self.max_kappa.is_finite() && self.max_kappa > self.min_kappa;
        ConfigError::check(ok, "max_kappa", self.max_kappa, "above min_kappa")?;
        Ok(MixtureHead {
            means: LinearConfig::new(features.width, 3 * n).init(device),
            weights: LinearConfig::new(features.width, n).init(device),
            kappas: LinearConfig::new(features.width, n).init(device),
            log_min_kappa: self.min_kappa.ln(),
            log_max_kappa: self.max_kappa.ln(),
        })
    }
}
