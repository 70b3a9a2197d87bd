//! The transformer block.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{gelu, sigmoid};
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Device, Tensor};

use super::{VitActivation, VitConfig};
use crate::init::{linear, small};

/// Self-attention and a two-layer network, each after a norm and added to its input.
#[derive(Module, Debug)]
pub(super) struct Block {
    norm1: LayerNorm,
    attn: Attention,
    ls1: Option<LayerScale>,
    norm2: LayerNorm,
    mlp: Mlp,
    ls2: Option<LayerScale>,
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

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        x * self.gamma.val().unsqueeze()
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
                qkv: linear(width, 3 * width, device),
                proj: linear(width, width, device),
                heads: config.heads,
            },
            ls1: scale(),
            norm2: norm(),
            mlp: Mlp {
                fc1: linear(width, config.hidden, device),
                fc2: linear(config.hidden, width, device),
                activation: config.activation,
            },
            ls2: scale(),
        }
    }

    /// `[batch, tokens, width]` to the same shape.
    pub(super) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let scaled = |scale: &Option<LayerScale>, x| match scale {
            Some(scale) => scale.forward(x),
            None => x,
        };
        let attended = self.attn.forward(self.norm1.forward(x.clone()));
        let x = x + scaled(&self.ls1, attended);
        let changed = self.mlp.forward(self.norm2.forward(x.clone()));
        x + scaled(&self.ls2, changed)
    }
}

impl Attention {
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, tokens, width] = x.dims();
        let each = width / self.heads;
        // [3, batch, heads, tokens, width of a head]
        let qkv = self
            .qkv
            .forward(x)
            .reshape([batch, tokens, 3, self.heads, each])
            .permute([2, 0, 3, 1, 4]);
        let part = |at: usize| qkv.clone().narrow(0, at, 1).squeeze_dim::<4>(0);
        let options = AttentionModuleOptions::default();
        let mixed = attention(part(0), part(1), part(2), None, None, options);
        self.proj
            .forward(mixed.swap_dims(1, 2).reshape([batch, tokens, width]))
    }
}

impl Mlp {
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let x = self.fc1.forward(x);
        let x = match self.activation {
            VitActivation::Gelu => gelu(x),
            VitActivation::QuickGelu => x.clone() * sigmoid(x * 1.702),
        };
        self.fc2.forward(x)
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
