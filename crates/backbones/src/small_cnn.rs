//! A small convolutional encoder that trains from scratch in minutes on a CPU.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use geoloc_core::{ConfigError, Encoder, EncoderConfig, FeatureSpec, Features};
use serde::{Deserialize, Serialize};

/// Configuration of a [`SmallCnn`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmallCnnConfig {
    /// Side of the square input in pixels; a multiple of 2 to the number of stages.
    pub input_size: usize,
    /// Output channels of each stage; every stage halves the resolution.
    pub channels: Vec<usize>,
}

/// Stages of 3 x 3 convolution with stride 2, batch norm and ReLU; the last map is flattened, so
/// that the features keep the layout of the picture.
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
impl Stage {
    fn new(inp: usize, out: usize, device: &Device) -> Self {
        Self {
            conv: Conv2dConfig::new([inp, out], [3, 3])
                .with_stride([2, 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .with_bias(false)
                .init(device),
            norm: BatchNormConfig::new(out).init(device),
        }
    }
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        relu(self.norm.forward(self.conv.forward(x)))
    }
}

impl EncoderConfig for SmallCnnConfig {
    type Encoder = SmallCnn;
    fn init(&self, device: &Device) -> Result<SmallCnn, ConfigError> {
        let mut inp = 3;
        let mut stages = Vec::new();
        for &out in &self.channels {
            stages.push(Stage::new(inp, out, device));
            inp = out;
        }
        let side = self.input_size >> self.channels.len();
        Ok(SmallCnn {
            stages,
            spec: FeatureSpec {
                width: inp * side * side,
                grid: Some([side, side]),
            },
        })
    }
}

impl Encoder for SmallCnn {
    type Input = Tensor<4>;
    fn encode(&self, mut x: Tensor<4>) -> Features {
        for stage in &self.stages {
            x = stage.forward(x);
        }
        Features::pooled(x.flatten(1, 3))
    }
    fn spec(&self) -> FeatureSpec {
        self.spec
    }
}
