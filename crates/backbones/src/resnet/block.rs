//! The residual block.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use super::ResNetBlock;

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
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    conv3: Option<Conv2d>,
    bn3: Option<BatchNorm>,
    downsample: Option<Downsample>,
}

/// The path around a block that changes the shape.
#[derive(Module, Debug)]
struct Downsample {
    conv: Conv2d,
    bn: BatchNorm,
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
            bn: norm(output),
        });
        let bottleneck = kind == ResNetBlock::Bottleneck;
        let (first, strides) = if bottleneck {
            (1, [1, stride])
        } else {
            (3, [stride, 1])
        };
        Self {
            conv1: convolution([input, width], first, strides[0], device),
            bn1: norm(width),
            conv2: convolution([width, width], 3, strides[1], device),
            bn2: norm(width),
            conv3: bottleneck.then(|| convolution([width, output], 1, 1, device)),
            bn3: bottleneck.then(|| norm(output)),
            downsample,
        }
    }

    pub(super) fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let x = relu(self.bn1.forward(self.conv1.forward(input.clone())));
        let mut x = self.bn2.forward(self.conv2.forward(x));
        if let (Some(conv), Some(bn)) = (&self.conv3, &self.bn3) {
            x = bn.forward(conv.forward(relu(x)));
        }
        let around = match &self.downsample {
            Some(down) => down.bn.forward(down.conv.forward(input)),
            None => input,
        };
        relu(x + around)
    }
}
