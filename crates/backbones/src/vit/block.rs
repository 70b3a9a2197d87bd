//! The transformer block.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use super::{VitActivation, VitConfig};
use crate::init::{self, small};
use crate::transformer::{Gelu, layer_norm, linear, linear_around, self_attention};

/// Self-attention and a two-layer network, each after a norm and added to its input.
#[derive(Module, Debug)]
pub(super) struct Block {
    norm1: LayerNorm,
    attn: Attention,
    ls1: Option<LayerScale>,
    norm2: LayerNorm,
    mlp: Mlp,
    ls2: Option<LayerScale>,
    /// Of both norms.
    #[module(skip)]
    epsilon: f64,
}

#[derive(Module, Debug)]
struct Attention {
    /// Query, key and value, one after the other.
    qkv: Linear,
    proj: Linear,
    #[module(skip)]
    heads: usize,
}

#[derive(Module, Debug)]
struct Mlp {
    fc1: Linear,
    fc2: Linear,
    #[module(skip)]
    activation: VitActivation,
}

/// A factor for each channel (Touvron et al. 2021, "`CaiT`").
#[derive(Module, Debug)]
struct LayerScale {
    gamma: Param<Tensor<1>>,
}

impl LayerScale {
    fn new(width: usize, device: &Device) -> Self {
        Self {
            gamma: Param::from_tensor(Tensor::full([width], 1e-5, device)),
        }
    }

    /// The factors of a branch that has some.
    fn of(branch: Option<&Self>) -> Option<Tensor<1>> {
        branch.map(|scale| scale.gamma.val())
    }
}

impl Block {
    pub(super) fn new(config: &VitConfig, device: &Device) -> Self {
        let width = config.width;
        let norm = || {
            LayerNormConfig::new(width)
                .with_epsilon(config.epsilon)
                .init(device)
        };
        let scale = || config.layer_scale.then(|| LayerScale::new(width, device));
        Self {
            norm1: norm(),
            attn: Attention {
                qkv: init::linear(width, 3 * width, device),
                proj: init::linear(width, width, device),
                heads: config.heads,
            },
            ls1: scale(),
            norm2: norm(),
            mlp: Mlp {
                fc1: init::linear(width, config.hidden, device),
                fc2: init::linear(config.hidden, width, device),
                activation: config.activation,
            },
            ls2: scale(),
            epsilon: config.epsilon,
        }
    }

    /// `[batch, tokens, width]` to the same shape.
    pub(super) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let normed = layer_norm(&self.norm1, self.epsilon, x.clone());
        let x = self
            .attn
            .forward_around(normed, LayerScale::of(self.ls1.as_ref()), x);
        let normed = layer_norm(&self.norm2, self.epsilon, x.clone());
        self.mlp
            .forward_around(normed, LayerScale::of(self.ls2.as_ref()), x)
    }
}

impl Attention {
    /// The branch times its factors, added to what goes around it.
    fn forward_around(
        &self,
        x: Tensor<3>,
        scale: Option<Tensor<1>>,
        around: Tensor<3>,
    ) -> Tensor<3> {
        let mixed = self_attention(linear(&self.qkv, None, x), self.heads);
        linear_around(&self.proj, scale, around, mixed)
    }
}

impl Mlp {
    /// The branch times its factors, added to what goes around it.
    fn forward_around(
        &self,
        x: Tensor<3>,
        scale: Option<Tensor<1>>,
        around: Tensor<3>,
    ) -> Tensor<3> {
        let gelu = match self.activation {
            VitActivation::Gelu => Gelu::Normal,
            VitActivation::QuickGelu => Gelu::Logistic,
        };
        let x = linear(&self.fc1, Some(gelu), x);
        linear_around(&self.fc2, scale, around, x)
    }
}

/// A token that is learned, `[1, tokens, width]`.
pub(super) fn token(tokens: usize, width: usize, device: &Device) -> Param<Tensor<3>> {
    small().init([1, tokens, width], device)
}

/// A linear map without bias.
pub(super) fn projection(input: usize, output: usize, device: &Device) -> Linear {
    LinearConfig::new(input, output)
        .with_bias(false)
        .with_initializer(small())
        .init(device)
}
