//! Configuration of scene experts.

use burn::nn::LinearConfig;
use burn::tensor::Device;
use geoloc_core::{ConfigError, FeatureSpec, HeadConfig};
use serde::{Deserialize, Serialize};

use super::ExpertsHead;

/// Configuration of an [`ExpertsHead`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpertsHeadConfig<C> {
    /// Number of kinds of scene: 3 for indoor, natural and urban, as published.
    pub scenes: usize,
    /// The head of each expert.
    pub expert: C,
}

impl<C: HeadConfig> HeadConfig for ExpertsHeadConfig<C> {
    type Head = ExpertsHead<C::Head>;

    fn init(&self, features: &FeatureSpec, device: &Device) -> Result<Self::Head, ConfigError> {
        let n = self.scenes;
        ConfigError::check(n > 0, "scenes", n as f64, "at least 1")?;
        Ok(ExpertsHead {
            scene: LinearConfig::new(features.width, n).init(device),
            experts: (0..n)
                .map(|_| self.expert.init(features, device))
                .collect::<Result<_, _>>()?,
        })
    }
}
