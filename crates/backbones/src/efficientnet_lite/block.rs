//! The inverted residual block.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

use super::LiteStage;
use crate::activation::Activation;
use crate::convolution::{convolve_around, convolve_norm};
use crate::folding::fold;

/// Epsilon of all batch norms.
const EPSILON: f64 = 1e-3;

/// A convolution without bias and with "same" padding, drawn as by He et al. (2015) over the
/// outputs.
pub(super) fn convolution(
    [input, output]: [usize; 2],
    kernel: usize,
    stride: usize,
    groups: usize,
    device: &Device,
) -> Conv2d {
    let padding = if kernel == 1 {
        PaddingConfig2d::Valid
    } else {
        PaddingConfig2d::Same
    };
    Conv2dConfig::new([input, output], [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(padding)
        .with_groups(groups)
        .with_bias(false)
        .with_initializer(Initializer::KaimingNormal {
            gain: std::f64::consts::SQRT_2,
            fan_out_only: true,
        })
        .init(device)
}

/// A batch norm.
pub(super) fn norm(channels: usize, device: &Device) -> BatchNorm {
    BatchNormConfig::new(channels)
        .with_epsilon(EPSILON)
        .init(device)
}

/// Expansion (`conv_pw`), depthwise convolution and projection (`conv_pwl`), added to the input
/// where the shape stays; without expansion `conv_pw` is the projection.
#[derive(Module, Debug)]
pub(super) struct InvertedResidual {
    conv_pw: Conv2d,
    bn1: Option<BatchNorm>,
    conv_dw: Conv2d,
    bn2: Option<BatchNorm>,
    conv_pwl: Option<Conv2d>,
    bn3: Option<BatchNorm>,
    #[module(skip)]
    residual: bool,
}

impl InvertedResidual {
    /// A block of a stage; only its first block has the stride.
    pub(super) fn new(stage: &LiteStage, input: usize, stride: usize, device: &Device) -> Self {
        let output = stage.channels;
        let wide = input * stage.expansion;
        let expands = stage.expansion > 1;
        let narrow = if expands { wide } else { output };
        Self {
            conv_pw: convolution([input, narrow], 1, 1, 1, device),
            bn1: Some(norm(wide, device)),
            conv_dw: convolution([wide, wide], stage.kernel, stride, wide, device),
            bn2: Some(norm(narrow, device)),
            conv_pwl: expands.then(|| convolution([wide, output], 1, 1, 1, device)),
            bn3: expands.then(|| norm(output, device)),
            residual: stride == 1 && input == output,
        }
    }

    /// Makes the norms part of the convolutions.
    pub(super) fn folded(mut self) -> Self {
        if let Some(project) = &mut self.conv_pwl {
            fold(&mut self.conv_pw, &mut self.bn1);
            fold(&mut self.conv_dw, &mut self.bn2);
            fold(project, &mut self.bn3);
        } else {
            fold(&mut self.conv_dw, &mut self.bn1);
            fold(&mut self.conv_pw, &mut self.bn2);
        }
        self
    }

    pub(super) fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let (first, second) = (self.bn1.as_ref(), self.bn2.as_ref());
        let around = self.residual.then(|| input.clone());
        let (last, norm, x) = if let Some(project) = &self.conv_pwl {
            let x = convolve_norm(&self.conv_pw, first, Activation::RELU6, input);
            let x = convolve_norm(&self.conv_dw, second, Activation::RELU6, x);
            (project, self.bn3.as_ref(), x)
        } else {
            let x = convolve_norm(&self.conv_dw, first, Activation::RELU6, input);
            (&self.conv_pw, second, x)
        };
        match around {
            Some(around) => convolve_around(last, norm, around, Activation::None, x),
            None => convolve_norm(last, norm, Activation::None, x),
        }
    }
}
