//! The network.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Device, Tensor};
use geoloc_core::{Encoder, EncoderParts, FeatureSpec, Features};

use super::ConvNextConfig;
use super::block::{Block, Downsample, norm, normed, patches};
use crate::convolution::convolve;
use crate::feature_map::features_of_map;
use crate::init::linear;

/// A `ConvNeXt`. Its tokens are the pixels of the last map, a 32nd of the input a side; its pooled
/// features are their normed mean.
#[derive(Module, Debug)]
pub struct ConvNext {
    stem: Stem,
    stages: Vec<Stage>,
    head: Top,
    #[module(skip)]
    spec: FeatureSpec,
}

#[derive(Module, Debug)]
struct Stem {
    conv: Conv2d,
    norm: LayerNorm,
}

#[derive(Module, Debug)]
struct Stage {
    downsample: Option<Downsample>,
    blocks: Vec<Block>,
}

/// What comes after the mean over the map.
#[derive(Module, Debug)]
struct Top {
    norm: LayerNorm,
    fc: Option<Linear>,
}

impl ConvNext {
    /// Builds the network of a configuration whose numbers make sense.
    pub(super) fn new(config: &ConvNextConfig, device: &Device) -> Self {
        let [first, .., width] = config.channels;
        let mut input = first;
        let stages = config.blocks.iter().zip(config.channels).enumerate();
        let stages = stages.map(|(stage, (&blocks, channels))| {
            let downsample = (stage > 0).then(|| Downsample::new([input, channels], device));
            input = channels;
            let blocks = (0..blocks).map(|_| Block::new(channels, device)).collect();
            Stage { downsample, blocks }
        });
        Self {
            stages: stages.collect(),
            stem: Stem {
                conv: patches([3, first], 4, device),
                norm: norm(first, device),
            },
            head: Top {
                norm: norm(width, device),
                fc: config.classes.map(|classes| linear(width, classes, device)),
            },
            spec: FeatureSpec {
                width,
                grid: Some(config.input_size.map(|side| side / 32)),
            },
        }
    }

    /// The last feature map.
    ///
    /// # Shapes
    ///
    /// Images `[batch, 3, height, width]` to `[batch, channels, height / 32, width / 32]`, sides
    /// rounded down.
    ///
    /// # Panics
    ///
    /// Burn panics if the input does not have 3 channels.
    #[must_use]
    pub fn feature_map(&self, images: Tensor<4>) -> Tensor<4> {
        let x = normed(&self.stem.norm, convolve(&self.stem.conv, images));
        self.stages.iter().fold(x, |x, stage| {
            let x = match &stage.downsample {
                Some(down) => down.forward(x),
                None => x,
            };
            stage.blocks.iter().fold(x, |x, block| block.forward(x))
        })
    }

    /// Unnormalised log-probabilities of the classes of the checkpoint, `[batch, classes]`; none if
    /// the network was built without its classifier.
    ///
    /// # Panics
    ///
    /// Burn panics if the input does not have 3 channels.
    #[must_use]
    pub fn classify(&self, images: Tensor<4>) -> Option<Tensor<2>> {
        let fc = self.head.fc.as_ref()?;
        Some(fc.forward(self.encode(images).pooled))
    }
}

impl Encoder for ConvNext {
    type Input = Tensor<4>;

    /// # Shapes
    ///
    /// Images `[batch, 3, height, width]` to pooled features `[batch, channels]` and tokens
    /// `[batch, rows * columns, channels]`, which are not normed.
    fn encode(&self, images: Tensor<4>) -> Features {
        let features = features_of_map(self.feature_map(images));
        Features {
            pooled: self.head.norm.forward(features.pooled),
            tokens: features.tokens,
        }
    }

    fn spec(&self) -> FeatureSpec {
        self.spec
    }

    /// The step into a stage counts as a block of its own.
    fn parts(&self) -> EncoderParts {
        let stages = self.stages.iter().enumerate();
        EncoderParts {
            stem: vec!["stem".into()],
            blocks: stages
                .flat_map(|(s, stage)| {
                    let step = stage.downsample.as_ref();
                    let step = step.map(|_| format!("stages.{s}.downsample"));
                    let blocks = 0..stage.blocks.len();
                    step.into_iter()
                        .chain(blocks.map(move |b| format!("stages.{s}.blocks.{b}")))
                })
                .collect(),
        }
    }
}
