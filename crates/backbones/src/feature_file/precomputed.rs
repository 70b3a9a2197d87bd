//! The encoder that is not there any more.

use burn::module::Module;
use burn::tensor::Device;
use geoloc_core::{ConfigError, Encoder, EncoderConfig, FeatureSpec, Features};
use serde::{Deserialize, Serialize};

/// An encoder whose input are features that another one has computed: with it heads train on a
/// [`FeatureFile`](super::FeatureFile) as they do on images.
#[derive(Module, Debug)]
pub struct Precomputed {
    #[module(skip)]
    spec: FeatureSpec,
}

impl Precomputed {
    /// Stands for an encoder that gives features of this shape.
    #[must_use]
    pub fn new(spec: FeatureSpec) -> Self {
        Self { spec }
    }
}

impl Encoder for Precomputed {
    type Input = Features;

    fn encode(&self, input: Features) -> Features {
        input
    }

    fn spec(&self) -> FeatureSpec {
        self.spec
    }
}

/// Configuration of a [`Precomputed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrecomputedConfig {
    /// Shape of the features.
    pub spec: FeatureSpec,
}

impl EncoderConfig for PrecomputedConfig {
    type Encoder = Precomputed;

    fn init(&self, _: &Device) -> Result<Precomputed, ConfigError> {
        let width = self.spec.width;
        ConfigError::check(width > 0, "width", width as f64, "at least 1")?;
        Ok(Precomputed::new(self.spec))
    }
}
