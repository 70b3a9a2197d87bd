//! From CLIP's image embedding to the space of places.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use crate::transformer::linear;
use crate::weights::KeyMap;

/// Two linear layers, 768 to 768 to 512 as published.
#[derive(Module, Debug)]
pub struct ImageProjection {
    first: Linear,
    second: Linear,
}

impl ImageProjection {
    /// Fresh weights for embeddings of length `input`, of which it makes some of length `output`.
    #[must_use]
    pub fn new(input: usize, output: usize, device: &Device) -> Self {
        Self {
            first: LinearConfig::new(input, input).init(device),
            second: LinearConfig::new(input, output).init(device),
        }
    }

    /// `[batch, input]` to `[batch, output]`, not scaled to length 1.
    ///
    /// # Panics
    ///
    /// Burn panics if the input has another width.
    #[must_use]
    pub fn forward(&self, images: Tensor<2>) -> Tensor<2> {
        linear(&self.second, None, relu(linear(&self.first, None, images)))
    }
}

/// Names of the published file.
#[must_use]
pub fn image_keys() -> KeyMap {
    KeyMap::new()
        .rename("0.weight", "first.weight")
        .rename("0.bias", "first.bias")
        .rename("2.weight", "second.weight")
        .rename("2.bias", "second.bias")
}
