//! The layers of transformers: linear layers, smooth rectifiers, attention and layer norms.
//!
//! On the CPU (`flex`) they are computed here, as products of matrices and passes in vector registers; on
//! every other device, and for other numbers than of 32 bits, burn computes them. The parameters are those
//! of burn's [`Linear`] and [`LayerNorm`], so that weights and artifacts know nothing of it.
//! `docs/benchmarks/backbones.md` has both in numbers.

#[cfg(feature = "flex")]
mod attention;
#[cfg(feature = "flex")]
mod backend;
#[cfg(feature = "flex")]
mod exponential;
#[cfg(feature = "flex")]
mod gelu;
#[cfg(feature = "flex")]
mod gradients;
#[cfg(feature = "flex")]
mod linear;
#[cfg(feature = "flex")]
mod norm;
#[cfg(feature = "flex")]
mod softmax;
#[cfg(feature = "flex")]
mod sums;
#[cfg(test)]
#[cfg(feature = "flex")]
mod tests;

#[cfg(feature = "flex")]
use backend::Transformer;
#[cfg(feature = "flex")]
use burn::backend::Dispatch;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;

/// A smooth rectifier: `x` times the probability of a number below `x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gelu {
    /// Of the normal distribution, by the error function.
    Normal,
    /// Of the logistic distribution: `x * sigmoid(1.702 x)`.
    Logistic,
}

impl Gelu {
    /// The function by burn's operations.
    fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Normal => burn::tensor::activation::gelu(x),
            Self::Logistic => x.clone() * sigmoid(x * 1.702),
        }
    }
}

/// [`Linear::forward`], and what follows it.
pub(crate) fn linear<const D: usize>(
    layer: &Linear,
    gelu: Option<Gelu>,
    x: Tensor<D>,
) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if let Some((weight, bias)) = parameters_on_flex(layer, &x) {
        let (weight, bias) = (weight.into_dispatch(), bias.into_dispatch());
        return Tensor::from_dispatch(Dispatch::project(x.into_dispatch(), weight, bias, gelu));
    }
    let y = layer.forward(x);
    match gelu {
        Some(gelu) => gelu.apply(y),
        None => y,
    }
}

/// [`Linear::forward`], times a factor for each column if there are factors, added to what goes around, of
/// the shape of the result.
pub(crate) fn linear_around<const D: usize>(
    layer: &Linear,
    scale: Option<Tensor<1>>,
    around: Tensor<D>,
    x: Tensor<D>,
) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if let Some((weight, bias)) = parameters_on_flex(layer, &x) {
        let [_, outputs] = weight.dims();
        let scale = match &scale {
            Some(scale) => scale.clone(),
            None => Tensor::ones([outputs], &x.device()),
        };
        let mut shape = x.shape();
        shape[D - 1] = outputs;
        if is_ours(&scale)
            && is_ours(&around)
            && scale.dims() == [outputs]
            && around.shape() == shape
        {
            let (weight, bias) = (weight.into_dispatch(), bias.into_dispatch());
            let (scale, around) = (scale.into_dispatch(), around.into_dispatch());
            let y = Dispatch::project_around(x.into_dispatch(), weight, bias, scale, around);
            return Tensor::from_dispatch(y);
        }
    }
    let y = layer.forward(x);
    around
        + match scale {
            Some(scale) => y * scale.unsqueeze(),
            None => y,
        }
}

/// Attention of every token to all of its image.
///
/// # Shapes
///
/// `[batch, tokens, 3 * width]`, queries of all heads, then keys, then values, to `[batch, tokens, width]`.
/// The heads divide the width.
pub(crate) fn self_attention(qkv: Tensor<3>, heads: usize) -> Tensor<3> {
    #[cfg(feature = "flex")]
    if is_ours(&qkv) && qkv.dims()[2].is_multiple_of(3 * heads.max(1)) {
        return Tensor::from_dispatch(Dispatch::attend(qkv.into_dispatch(), heads));
    }
    attention_by_burn(qkv, heads)
}

/// The same by burn's operations.
fn attention_by_burn(qkv: Tensor<3>, heads: usize) -> Tensor<3> {
    let [batch, tokens, width] = qkv.dims();
    let width = width / 3;
    // [3, batch, heads, tokens, width of a head]
    let qkv = qkv
        .reshape([batch, tokens, 3, heads, width / heads])
        .permute([2, 0, 3, 1, 4]);
    let part = |at: usize| qkv.clone().narrow(0, at, 1).squeeze_dim::<4>(0);
    let options = AttentionModuleOptions::default();
    let mixed = attention(part(0), part(1), part(2), None, None, options);
    mixed.swap_dims(1, 2).reshape([batch, tokens, width])
}

/// [`LayerNorm::forward`] of a norm with this epsilon, which the layer does not show.
pub(crate) fn layer_norm<const D: usize>(
    norm: &LayerNorm,
    epsilon: f64,
    x: Tensor<D>,
) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if let Some(y) = norm_on_flex(norm, epsilon, &x) {
        return y;
    }
    #[cfg(not(feature = "flex"))]
    let _ = epsilon;
    norm.forward(x)
}

/// Whether a tensor lies on the CPU and has numbers of 32 bits.
#[cfg(feature = "flex")]
fn is_ours<const D: usize>(x: &Tensor<D>) -> bool {
    use burn::tensor::{DType, Device};
    x.device() == Device::flex() && x.dtype() == DType::F32
}

/// Weights and bias of a layer if it is computed here; a layer without bias has one of zeros.
#[cfg(feature = "flex")]
fn parameters_on_flex<const D: usize>(
    layer: &Linear,
    x: &Tensor<D>,
) -> Option<(Tensor<2>, Tensor<1>)> {
    let weight = layer.weight.val();
    let [inputs, outputs] = weight.dims();
    let bias = match &layer.bias {
        Some(bias) => bias.val(),
        None => Tensor::zeros([outputs], &x.device()),
    };
    let fits = inputs > 0 && x.dims().last() == Some(&inputs) && bias.dims() == [outputs];
    (fits && is_ours(x) && is_ours(&weight) && is_ours(&bias)).then_some((weight, bias))
}

#[cfg(feature = "flex")]
fn norm_on_flex<const D: usize>(
    norm: &LayerNorm,
    epsilon: f64,
    x: &Tensor<D>,
) -> Option<Tensor<D>> {
    let gamma = norm.gamma.val();
    let width = gamma.dims();
    let beta = match &norm.beta {
        Some(beta) => beta.val(),
        None => Tensor::zeros(width, &x.device()),
    };
    let fits = x.dims().last() == width.first() && beta.dims() == width;
    if !(fits && is_ours(x) && is_ours(&gamma) && is_ours(&beta)) {
        return None;
    }
    let (gamma, beta) = (gamma.into_dispatch(), beta.into_dispatch());
    let y = Dispatch::level(x.clone().into_dispatch(), gamma, beta, epsilon);
    Some(Tensor::from_dispatch(y))
}
