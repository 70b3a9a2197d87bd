//! Convolutions of the encoders.
//!
//! On the CPU (`flex`) they are computed here, as products of matrices by the library that the backend
//! itself multiplies with; on every other device the backend computes them. The parameters are those of
//! burn's [`Conv2d`], so that weights and artifacts know nothing of it. `docs/benchmarks/backbones.md`
//! has both in numbers.

#[cfg(feature = "flex")]
mod backend;
#[cfg(feature = "flex")]
mod columns;
#[cfg(feature = "flex")]
mod dense;
#[cfg(feature = "flex")]
mod depthwise;
#[cfg(feature = "flex")]
mod geometry;
#[cfg(feature = "flex")]
mod lanes;
#[cfg(feature = "flex")]
mod pass;
#[cfg(test)]
#[cfg(feature = "flex")]
mod tests;

use burn::nn::BatchNorm;
#[cfg(feature = "flex")]
use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;

use crate::activation::Activation;
use crate::normalization::normalize;

/// [`Conv2d::forward`].
pub(crate) fn convolve(conv: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    convolve_norm(conv, None, Activation::None, x)
}

/// A convolution, a norm unless it has been folded into the convolution, and an activation.
pub(crate) fn convolve_norm(
    conv: &Conv2d,
    norm: Option<&BatchNorm>,
    activation: Activation,
    x: Tensor<4>,
) -> Tensor<4> {
    match norm {
        Some(norm) => normalize(norm, activation, forward(conv, None, Activation::None, x)),
        None => forward(conv, None, activation, x),
    }
}

/// A convolution and a norm, unless it has been folded into the convolution, added to what goes around
/// them, and an activation.
pub(crate) fn convolve_around(
    conv: &Conv2d,
    norm: Option<&BatchNorm>,
    around: Tensor<4>,
    activation: Activation,
    x: Tensor<4>,
) -> Tensor<4> {
    match norm {
        Some(_) => activation.apply(convolve_norm(conv, norm, Activation::None, x) + around),
        None => forward(conv, Some(around), activation, x),
    }
}

fn forward(
    conv: &Conv2d,
    around: Option<Tensor<4>>,
    activation: Activation,
    x: Tensor<4>,
) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if x.device() == burn::tensor::Device::flex() {
        return on_flex(conv, around, activation, x);
    }
    let x = conv.forward(x);
    activation.apply(match around {
        Some(around) => x + around,
        None => x,
    })
}

/// Zeros before and after the rows and the columns of a map, as burn's layer counts them: "same" keeps
/// the size at stride 1 and puts the odd one after.
#[cfg(feature = "flex")]
fn padding(conv: &Conv2d, size: [usize; 2]) -> [(usize, usize); 2] {
    let same = |axis: usize| {
        let steps = size[axis].div_ceil(conv.stride[axis]).saturating_sub(1);
        let all = (steps * conv.stride[axis] + conv.kernel_size[axis]).saturating_sub(size[axis]);
        (all / 2, all - all / 2)
    };
    match conv.padding {
        PaddingConfig2d::Valid => [(0, 0); 2],
        PaddingConfig2d::Same => [same(0), same(1)],
        PaddingConfig2d::Explicit(top, left, bottom, right) => [(top, bottom), (left, right)],
    }
}

#[cfg(feature = "flex")]
fn on_flex(
    conv: &Conv2d,
    around: Option<Tensor<4>>,
    activation: Activation,
    x: Tensor<4>,
) -> Tensor<4> {
    use backend::Convolution;
    use burn::backend::Dispatch;
    use burn::tensor::ops::ConvOptions;

    let [_, _, height, width] = x.dims();
    let padding = padding(conv, [height, width]);
    let options = ConvOptions::new_with_padding(conv.stride, padding, conv.dilation, conv.groups);
    let (x, weight) = (x.into_dispatch(), conv.weight.val().into_dispatch());
    let bias = conv.bias.as_ref().map(|bias| bias.val().into_dispatch());
    let (x, around) = match (bias, around) {
        (None, around) => (Dispatch::convolve(x, weight, options), around),
        (Some(bias), None) => {
            let x = Dispatch::convolve_and_activate(x, weight, bias, options, activation);
            return Tensor::from_dispatch(x);
        }
        (Some(bias), Some(around)) => {
            let around = around.into_dispatch();
            let x = Dispatch::convolve_around(x, weight, bias, around, options, activation);
            return Tensor::from_dispatch(x);
        }
    };
    let x = Tensor::from_dispatch(x);
    activation.apply(match around {
        Some(around) => x + around,
        None => x,
    })
}
