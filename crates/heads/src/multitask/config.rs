//! Configuration of two heads.

use burn::module::Param;
use burn::tensor::{Device, Tensor};
use geoloc_core::{ConfigError, FeatureSpec, HeadConfig};
use serde::{Deserialize, Serialize};

use super::TwoTaskHead;

/// Configuration of a [`TwoTaskHead`]; nest it for more tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwoTaskHeadConfig<A, B> {
    /// The head that answers the place.
    pub first: A,
    /// The auxiliary head: scene, climate, a second partition, an embedding.
    pub second: B,
}

impl<A: HeadConfig, B: HeadConfig> HeadConfig for TwoTaskHeadConfig<A, B> {
    type Head = TwoTaskHead<A::Head, B::Head>;

    fn init(&self, features: &FeatureSpec, device: &Device) -> Result<Self::Head, ConfigError> {
        Ok(TwoTaskHead {
            first: self.first.init(features, device)?,
            second: self.second.init(features, device)?,
            log_variances: Param::from_tensor(Tensor::zeros([2], device)),
        })
    }
}
