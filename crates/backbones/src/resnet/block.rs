//! The residual block.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

use super::ResNetBlock;
use crate::activation::Activation;
use crate::convolution::{convolve_around, convolve_norm};
use crate::folding::fold;

/// A convolution without bias, padded to keep the size at stride 1, drawn as by He et al. (2015)
/// over the outputs.
pub(super) fn convolution(
    [input, output]: [usize; 2],
    kernel: usize,
    stride: usize,
    device: &Device,
) -> Conv2d {
    let pad = kernel / 2;
    Conv2dConfig::new([input, output], [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
        .with_bias(false)
        .with_initializer(Initializer::KaimingNormal {
            gain: std::f64::consts::SQRT_2,
            fan_out_only: true,
        })
        .init(device)
}

/// Two 3 x 3 convolutions, or 1 x 1, 3 x 3 and 1 x 1, added to the input.
#[derive(Module, Debug)]
pub(super) struct Residual {
    conv1: Conv2d,
    bn1: Option<BatchNorm>,
    conv2: Conv2d,
    bn2: Option<BatchNorm>,
    conv3: Option<Conv2d>,
    bn3: Option<BatchNorm>,
    downsample: Option<Downsample>,
}

/// The path around a block that changes the shape.
#[derive(Module, Debug)]
struct Downsample {
    conv: Conv2d,
    bn: Option<BatchNorm>,
}

impl Residual {
    /// A block from `input` channels to `width` times the expansion of its kind.
    pub(super) fn new(
        kind: ResNetBlock,
        input: usize,
        width: usize,
        stride: usize,
        device: &Device,
    ) -> Self {
        let output = width * kind.expansion();
        let norm = |channels| BatchNormConfig::new(channels).init(device);
        let downsample = (stride != 1 || input != output).then(|| Downsample {
            conv: convolution([input, output], 1, stride, device),
            bn: Some(norm(output)),
        });
        let bottleneck = kind == ResNetBlock::Bottleneck;
        let (first, strides) = if bottleneck {
            (1, [1, stride])
        } else {
            (3, [stride, 1])
        };
        Self {
            conv1: convolution([input, width], first, strides[0], device),
            bn1: Some(norm(width)),
            conv2: convolution([width, width], 3, strides[1], device),
            bn2: Some(norm(width)),
            conv3: bottleneck.then(|| convolution([width, output], 1, 1, device)),
            bn3: bottleneck.then(|| norm(output)),
            downsample,
        }
    }

    /// Makes the norms part of the convolutions.
    pub(super) fn folded(mut self) -> Self {
        fold(&mut self.conv1, &mut self.bn1);
        fold(&mut self.conv2, &mut self.bn2);
        if let Some(conv) = &mut self.conv3 {
            fold(conv, &mut self.bn3);
        }
        if let Some(down) = &mut self.downsample {
            fold(&mut down.conv, &mut down.bn);
        }
        self
    }

    pub(super) fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let first = self.bn1.as_ref();
        let x = convolve_norm(&self.conv1, first, Activation::RELU, input.clone());
        let around = match &self.downsample {
            Some(down) => convolve_norm(&down.conv, down.bn.as_ref(), Activation::None, input),
            None => input,
        };
        let second = self.bn2.as_ref();
        match &self.conv3 {
            Some(conv) => {
                let x = convolve_norm(&self.conv2, second, Activation::RELU, x);
                convolve_around(conv, self.bn3.as_ref(), around, Activation::RELU, x)
            }
            None => convolve_around(&self.conv2, second, around, Activation::RELU, x),
        }
    }
}
