//! The block, and the steps between the stages.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

use crate::convolution::convolve;
use crate::init::{self, small};
use crate::transformer::{Gelu, layer_norm, linear};

/// Epsilon of the norms.
const EPSILON: f64 = 1e-6;

/// A norm over the channels.
pub(super) fn norm(channels: usize, device: &Device) -> LayerNorm {
    LayerNormConfig::new(channels)
        .with_epsilon(EPSILON)
        .init(device)
}

/// Applies a norm over the channels to a map `[batch, channels, rows, columns]`.
pub(super) fn normed(norm: &LayerNorm, map: Tensor<4>) -> Tensor<4> {
    layer_norm(norm, EPSILON, map.permute([0, 2, 3, 1])).permute([0, 3, 1, 2])
}

/// A convolution whose windows touch without overlap.
pub(super) fn patches([input, output]: [usize; 2], side: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new([input, output], [side, side])
        .with_stride([side, side])
        .with_initializer(small())
        .init(device)
}

/// A depthwise 7 x 7 convolution, a norm and two linear layers over the channels, added to the
/// input.
#[derive(Module, Debug)]
pub(super) struct Block {
    conv_dw: Conv2d,
    norm: LayerNorm,
    mlp: Mlp,
    gamma: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
struct Mlp {
    fc1: Linear,
    fc2: Linear,
}

impl Block {
    pub(super) fn new(channels: usize, device: &Device) -> Self {
        Self {
            conv_dw: Conv2dConfig::new([channels, channels], [7, 7])
                .with_padding(PaddingConfig2d::Explicit(3, 3, 3, 3))
                .with_groups(channels)
                .with_initializer(small())
                .init(device),
            norm: norm(channels, device),
            mlp: Mlp {
                fc1: init::linear(channels, 4 * channels, device),
                fc2: init::linear(4 * channels, channels, device),
            },
            gamma: Param::from_tensor(Tensor::full([channels], 1e-6, device)),
        }
    }

    pub(super) fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        // Channels last for norm and linear layers.
        let x = convolve(&self.conv_dw, input.clone()).permute([0, 2, 3, 1]);
        let x = layer_norm(&self.norm, EPSILON, x);
        let x = linear(&self.mlp.fc1, Some(Gelu::Normal), x);
        let x = linear(&self.mlp.fc2, None, x) * self.gamma.val().unsqueeze();
        input + x.permute([0, 3, 1, 2])
    }
}

/// A norm and a 2 x 2 convolution of stride 2.
#[derive(Module, Debug)]
pub(super) struct Downsample {
    norm: LayerNorm,
    conv: Conv2d,
}

impl Downsample {
    pub(super) fn new([input, output]: [usize; 2], device: &Device) -> Self {
        Self {
            norm: norm(input, device),
            conv: patches([input, output], 2, device),
        }
    }

    pub(super) fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        convolve(&self.conv, normed(&self.norm, map))
    }
}
