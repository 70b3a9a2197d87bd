//! Configurations of the regression heads.

use burn::module::{Initializer, Param};
use burn::nn::{DropoutConfig, LinearConfig};
use burn::tensor::{Device, Tensor};
use geoloc_core::{ConfigError, FeatureSpec, HeadConfig};
use serde::{Deserialize, Serialize};

use super::head::Trunk;
use super::{DirectionHead, ScaledRegressionHead};

/// Configuration of a [`ScaledRegressionHead`]; the default is the regressor of the published
/// comparison: dropout 0.5, width to 512, `ReLU`, dropout 0.3, 512 to 2, linear. Ours is that all
/// answers start in the middle of the map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScaledRegressionHeadConfig {
    /// Width of the hidden layer.
    pub hidden: usize,
    /// Dropout of features, in [0, 1).
    pub dropout: f64,
    /// Dropout of the hidden layer, in [0, 1).
    pub hidden_dropout: f64,
    /// Whether a sigmoid keeps the output within (0, 1). Without it, as published, the output may
    /// go once around the world or over a pole; loss and decoder both follow it there.
    pub sigmoid: bool,
}

impl Default for ScaledRegressionHeadConfig {
    fn default() -> Self {
        Self {
            hidden: 512,
            dropout: 0.5,
            hidden_dropout: 0.3,
            sigmoid: false,
        }
    }
}

impl HeadConfig for ScaledRegressionHeadConfig {
    type Head = ScaledRegressionHead;

    fn init(
        &self,
        features: &FeatureSpec,
        device: &Device,
    ) -> Result<ScaledRegressionHead, ConfigError> {
        let dropouts = [self.dropout, self.hidden_dropout];
        let mut trunk = trunk(features.width, self.hidden, dropouts, 2, device)?;
        // All answers start in the middle of the map, at 0 N 0 E, where a sigmoid has its 0. Random
        // weights would scatter them, and dropout on top, over more than the whole sphere: the loss of
        // such answers hardly depends on the weights. A bias of 0 would be the south pole, where the
        // loss has no gradient for longitude.
        let output = LinearConfig::new(self.hidden, 2).with_initializer(Initializer::Zeros);
        trunk.output = output.init(device);
        if !self.sigmoid {
            let middle = Tensor::full([2], 0.5, device);
            trunk.output.bias = Some(Param::from_tensor(middle));
        }
        Ok(ScaledRegressionHead {
            trunk,
            sigmoid: self.sigmoid,
        })
    }
}

/// Configuration of a [`DirectionHead`]; the default has the layers of the published regressor
/// with three outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DirectionHeadConfig {
    /// Width of the hidden layer.
    pub hidden: usize,
    /// Dropout of features, in [0, 1).
    pub dropout: f64,
    /// Dropout of the hidden layer, in [0, 1).
    pub hidden_dropout: f64,
}

impl Default for DirectionHeadConfig {
    fn default() -> Self {
        Self {
            hidden: 512,
            dropout: 0.5,
            hidden_dropout: 0.3,
        }
    }
}

impl HeadConfig for DirectionHeadConfig {
    type Head = DirectionHead;

    fn init(&self, features: &FeatureSpec, device: &Device) -> Result<DirectionHead, ConfigError> {
        let dropouts = [self.dropout, self.hidden_dropout];
        Ok(DirectionHead {
            trunk: trunk(features.width, self.hidden, dropouts, 3, device)?,
        })
    }
}

fn trunk(
    width: usize,
    hidden: usize,
    dropouts: [f64; 2],
    outputs: usize,
    device: &Device,
) -> Result<Trunk, ConfigError> {
    ConfigError::check(hidden > 0, "hidden", hidden as f64, "at least 1")?;
    for (field, value) in [("dropout", dropouts[0]), ("hidden_dropout", dropouts[1])] {
        let expected = "a probability in [0, 1)";
        ConfigError::check((0.0..1.0).contains(&value), field, value, expected)?;
    }
    Ok(Trunk {
        dropout: DropoutConfig::new(dropouts[0]).init(),
        hidden: LinearConfig::new(width, hidden).init(device),
        hidden_dropout: DropoutConfig::new(dropouts[1]).init(),
        output: LinearConfig::new(hidden, outputs).init(device),
    })
}
