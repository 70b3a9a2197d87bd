//! Several linear classifiers on the same features.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use geoloc_core::{ConfigError, FeatureSpec, Features};

/// Dropout and one linear layer for each set of classes.
#[derive(Module, Debug)]
pub(crate) struct SeveralLinear {
    dropout: Dropout,
    linear: Vec<Linear>,
}

impl SeveralLinear {
    pub(crate) fn new(
        field: &'static str,
        classes: &[usize],
        dropout: f64,
        features: &FeatureSpec,
        device: &Device,
    ) -> Result<Self, ConfigError> {
        ConfigError::check(!classes.is_empty(), field, 0.0, "at least one number")?;
        for &n in classes {
            ConfigError::check(n > 0, field, n as f64, "at least 1 class each")?;
        }
        let expected = "a probability in [0, 1)";
        ConfigError::check((0.0..1.0).contains(&dropout), "dropout", dropout, expected)?;
        Ok(Self {
            dropout: DropoutConfig::new(dropout).init(),
            linear: classes
                .iter()
                .map(|&n| LinearConfig::new(features.width, n).init(device))
                .collect(),
        })
    }

    pub(crate) fn forward(&self, features: Features) -> Vec<Tensor<2>> {
        let x = self.dropout.forward(features.pooled);
        self.linear
            .iter()
            .map(|linear| linear.forward(x.clone()))
            .collect()
    }
}
