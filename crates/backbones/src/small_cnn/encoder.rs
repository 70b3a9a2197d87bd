//! The small encoder.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use geoloc_core::{Encoder, FeatureSpec, Features};

use crate::activation::Activation;
use crate::convolution::convolve_norm;

/// Stages of 3 x 3 convolution with stride 2, batch norm and `ReLU`. The last map is flattened, not
/// averaged, so that the features keep the layout of the picture.
#[derive(Module, Debug)]
pub struct SmallCnn {
    stages: Vec<Stage>,
    #[module(skip)]
    spec: FeatureSpec,
}

#[derive(Module, Debug)]
struct Stage {
    conv: Conv2d,
    norm: BatchNorm,
}

impl SmallCnn {
    /// Stages with these output channels, whose last map has `side` pixels a side.
    pub(super) fn new(channels: &[usize], side: usize, device: &Device) -> Self {
        let inputs = std::iter::once(&3).chain(channels);
        let stages = inputs
            .zip(channels)
            .map(|(&input, &output)| Stage::new(input, output, device))
            .collect();
        // The configuration has at least one stage.
        let width = channels.last().copied().unwrap_or(3) * side * side;
        Self {
            stages,
            spec: FeatureSpec::pooled(width),
        }
    }
}

impl Stage {
    fn new(input: usize, output: usize, device: &Device) -> Self {
        let conv = Conv2dConfig::new([input, output], [3, 3])
            .with_stride([2, 2])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .with_bias(false)
            .init(device);
        Self {
            conv,
            norm: BatchNormConfig::new(output).init(device),
        }
    }
}

impl Encoder for SmallCnn {
    type Input = Tensor<4>;

    /// # Shapes
    ///
    /// Images `[batch, 3, size, size]` to pooled features `[batch, channels * side * side]`.
    fn encode(&self, input: Tensor<4>) -> Features {
        let map = self.stages.iter().fold(input, |x, stage| {
            convolve_norm(&stage.conv, Some(&stage.norm), Activation::RELU, x)
        });
        Features::pooled(map.flatten(1, 3))
    }

    fn spec(&self) -> FeatureSpec {
        self.spec
    }
}
