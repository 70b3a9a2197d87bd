//! Fresh weights of transformers and of their like.

use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::Device;

/// Normal with deviation 0.02, as usual for transformers.
pub(crate) fn small() -> Initializer {
    Initializer::Normal {
        mean: 0.0,
        std: 0.02,
    }
}

/// A linear layer with small weights and a bias of zeros.
pub(crate) fn linear(input: usize, output: usize, device: &Device) -> Linear {
    let mut layer = LinearConfig::new(input, output)
        .with_initializer(small())
        .init(device);
    layer.bias = Some(Initializer::Zeros.init([output], device));
    layer
}
