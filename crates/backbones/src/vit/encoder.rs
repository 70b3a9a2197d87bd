//! The network.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Device, Tensor};
use geoloc_core::{Encoder, EncoderParts, FeatureSpec, Features};

use super::block::{Block, projection, token};
use super::{PositionResize, VitConfig};
use crate::convolution::convolve;
use crate::init::small;
use crate::transformer::{layer_norm, linear};

/// A vision transformer. Its tokens are the patches, without class token and registers.
#[derive(Module, Debug)]
pub struct Vit {
    patch_embed: PatchEmbed,
    cls_token: Param<Tensor<3>>,
    reg_token: Option<Param<Tensor<3>>>,
    pos_embed: Param<Tensor<3>>,
    norm_pre: Option<LayerNorm>,
    blocks: Vec<Block>,
    norm: LayerNorm,
    head: Option<Linear>,
    #[module(skip)]
    shape: Shape,
}

/// What is not learned.
#[derive(Clone, Debug)]
struct Shape {
    patch: usize,
    position_grid: [usize; 2],
    position_resize: PositionResize,
    class_position: bool,
    /// Of the norms.
    epsilon: f64,
    spec: FeatureSpec,
}

#[derive(Module, Debug)]
struct PatchEmbed {
    proj: Conv2d,
}

impl Vit {
    /// Builds the network of a configuration whose numbers make sense.
    pub(super) fn new(config: &VitConfig, device: &Device) -> Self {
        let norm = || {
            LayerNormConfig::new(config.width)
                .with_epsilon(config.epsilon)
                .init(device)
        };
        let side = config.patch;
        let proj = Conv2dConfig::new([3, config.width], [side, side])
            .with_stride([side, side])
            .with_bias(config.patch_bias)
            .with_initializer(small())
            .init(device);
        let [rows, columns] = config.position_grid;
        let positions = rows * columns + usize::from(config.class_position);
        let width = config.width;
        Self {
            patch_embed: PatchEmbed { proj },
            cls_token: token(1, width, device),
            reg_token: (config.registers > 0).then(|| token(config.registers, width, device)),
            pos_embed: token(positions, width, device),
            norm_pre: config.pre_norm.then(norm),
            blocks: (0..config.depth)
                .map(|_| Block::new(config, device))
                .collect(),
            norm: norm(),
            head: config
                .projection
                .map(|output| projection(width, output, device)),
            shape: Shape {
                patch: config.patch,
                position_grid: config.position_grid,
                position_resize: config.position_resize,
                class_position: config.class_position,
                epsilon: config.epsilon,
                spec: FeatureSpec {
                    width: config.feature_width(),
                    grid: Some(config.input_size.map(|side| side / config.patch)),
                },
            },
        }
    }

    /// The output of the last block before the final norm, class token first, then the registers,
    /// then the patches row by row. PIGEON averages these over CLIP's class token and patches.
    ///
    /// # Shapes
    ///
    /// Images `[batch, 3, height, width]`, sides multiples of the patch, to
    /// `[batch, 1 + registers + patches, token width]`. The number of patches may differ from that
    /// of the configuration: position embeddings are resized to it.
    ///
    /// # Panics
    ///
    /// Burn panics if the input does not have 3 channels.
    #[must_use]
    pub fn hidden(&self, images: Tensor<4>) -> Tensor<3> {
        let [batch, _, height, width] = images.dims();
        let grid = [height / self.shape.patch, width / self.shape.patch];
        let patches = convolve(&self.patch_embed.proj, images);
        let patches = patches.flatten::<3>(2, 3).swap_dims(1, 2);
        let (class, positions) = self.positions(grid);
        let each = |token: Tensor<3>| {
            let [_, count, width] = token.dims();
            token.expand([batch, count, width])
        };
        let mut tokens = vec![each(class)];
        tokens.extend(self.reg_token.as_ref().map(|t| each(t.val())));
        tokens.push(patches + positions);
        let x = Tensor::cat(tokens, 1);
        let x = match &self.norm_pre {
            Some(norm) => layer_norm(norm, self.shape.epsilon, x),
            None => x,
        };
        self.blocks.iter().fold(x, |x, block| block.forward(x))
    }

    /// The class token with its position, `[1, 1, width]`, and the positions of a grid of patches,
    /// `[1, patches, width]`.
    fn positions(&self, grid: [usize; 2]) -> (Tensor<3>, Tensor<3>) {
        let shape = &self.shape;
        let all = self.pos_embed.val();
        let class = self.cls_token.val();
        let (class, patches) = if shape.class_position {
            let count = shape.position_grid.iter().product();
            let first = all.clone().narrow(1, 0, 1);
            (class + first, all.narrow(1, 1, count))
        } else {
            (class, all)
        };
        if grid == shape.position_grid {
            return (class, patches);
        }
        let device = patches.device();
        let resize = shape.position_resize;
        let patches = resize.apply(patches, shape.position_grid, grid, &device);
        (class, patches)
    }
}

impl Encoder for Vit {
    type Input = Tensor<4>;

    /// # Shapes
    ///
    /// Images `[batch, 3, height, width]`, sides multiples of the patch, to pooled features
    /// `[batch, features]` and tokens `[batch, rows * columns, features]`: the normed class token
    /// and the normed patches, after the projection if there is one. CLIP itself projects the class
    /// token only.
    fn encode(&self, images: Tensor<4>) -> Features {
        let x = layer_norm(&self.norm, self.shape.epsilon, self.hidden(images));
        let x = match &self.head {
            Some(head) => linear(head, None, x),
            None => x,
        };
        let [_, count, _] = x.dims();
        let registers = self.reg_token.as_ref().map_or(0, |t| t.val().dims()[1]);
        let before = 1 + registers;
        Features {
            pooled: x.clone().narrow(1, 0, 1).squeeze_dim(1),
            tokens: Some(x.narrow(1, before, count - before)),
        }
    }

    fn spec(&self) -> FeatureSpec {
        self.shape.spec
    }

    fn parts(&self) -> EncoderParts {
        let optional = [
            (self.reg_token.is_some(), "reg_token"),
            (self.norm_pre.is_some(), "norm_pre"),
        ];
        let optional = optional.iter().filter(|(there, _)| *there);
        let stem = ["patch_embed", "cls_token", "pos_embed"].into_iter();
        EncoderParts {
            stem: stem
                .chain(optional.map(|&(_, name)| name))
                .map(str::to_owned)
                .collect(),
            blocks: (0..self.blocks.len())
                .map(|b| format!("blocks.{b}"))
                .collect(),
        }
    }
}
