//! Attention over positions with several heads.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use geoloc_core::Features;
use serde::{Deserialize, Serialize};

use super::{Pooling, tokens_of};

/// Configuration of [`SpatialSoftmax`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpatialSoftmaxConfig {
    /// Number of heads; they divide the width.
    pub heads: usize,
    /// Length of the result.
    pub width: usize,
}

impl Default for SpatialSoftmaxConfig {
    /// 64 heads, 1024 numbers.
    fn default() -> Self {
        Self {
            heads: 64,
            width: 1024,
        }
    }
}

/// Each head weighs the tokens by a softmax over their positions and averages its share of the
/// values with these weights, as in Fervers et al., "Statewide Visual Geolocalization in the Wild"
/// (ECCV 2024). Weights and values are linear in the tokens; the heads' results follow each other,
/// an arrangement of our own.
#[derive(Module, Debug)]
pub struct SpatialSoftmax {
    attention: Linear,
    values: Linear,
    #[module(skip)]
    config: SpatialSoftmaxConfig,
}

impl SpatialSoftmax {
    /// Pools tokens of `width` channels.
    #[must_use]
    pub fn new(config: SpatialSoftmaxConfig, width: usize, device: &Device) -> Self {
        Self {
            attention: LinearConfig::new(width, config.heads).init(device),
            values: LinearConfig::new(width, config.width).init(device),
            config,
        }
    }
}

#[cfg(test)]
impl SpatialSoftmax {
    /// Attention and values.
    pub(super) fn layers(&self) -> [&Linear; 2] {
        [&self.attention, &self.values]
    }
}

impl Pooling for SpatialSoftmax {
    fn pool(&self, features: Features) -> Tensor<2> {
        let tokens = tokens_of(features);
        let [batch, count, _] = tokens.dims();
        let SpatialSoftmaxConfig { heads, width } = self.config;
        // [batch, heads, 1, tokens]
        let weights = softmax(self.attention.forward(tokens.clone()), 1)
            .swap_dims(1, 2)
            .reshape([batch, heads, 1, count]);
        let values = self
            .values
            .forward(tokens)
            .reshape([batch, count, heads, width / heads])
            .swap_dims(1, 2);
        weights.matmul(values).reshape([batch, width])
    }

    fn width(&self) -> usize {
        self.config.width
    }
}
