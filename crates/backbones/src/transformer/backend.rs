//! The layers as operations of burn's backends.

use burn::backend::flex::{FlexDevice, FlexTensor};
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Shape, TensorData};

use super::attention::Heads;
use super::linear::{Layer, Then, add_scaled};
use super::{Gelu, gelu, norm};

/// Layers of transformers. The shapes fit: they are checked where the operations are called.
#[backend_extension(Flex, Autodiff)]
pub(super) trait Transformer: Backend {
    /// `f(x w + bias)`, over all axes of `x` but the last.
    fn project(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        gelu: Option<Gelu>,
    ) -> FloatTensor<Self>;

    /// `around + scale * (x w + bias)`, with a factor for each column.
    fn project_around(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        around: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// `around + scale * x`, with a factor for each column.
    fn scale_around(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        around: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// A smooth rectifier.
    fn rectify(x: FloatTensor<Self>, gelu: Gelu) -> FloatTensor<Self>;

    /// Attention within every image, from queries, keys and values side by side.
    fn attend(qkv: FloatTensor<Self>, heads: usize) -> FloatTensor<Self>;

    /// The norm of the last axis.
    fn level(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;
}

/// The values of a tensor of 32-bit numbers in the order of its shape.
pub(super) fn values(x: &FlexTensor) -> FlexTensor {
    x.to_contiguous()
}

/// A tensor of these values.
pub(super) fn tensor(values: Vec<f32>, shape: Shape) -> FlexTensor {
    Flex::float_from_data(TensorData::new(values, shape), &FlexDevice)
}

/// The sizes of a linear layer over `x`.
pub(super) fn layer(x: &Shape, weight: &Shape) -> Layer {
    let [inputs, outputs] = weight.dims();
    let rows = x.iter().rev().skip(1).product();
    Layer {
        rows,
        inputs,
        outputs,
    }
}

/// The sizes of an attention over `qkv`.
pub(super) fn heads(qkv: &Shape, heads: usize) -> Heads {
    let [_, tokens, width] = qkv.dims();
    Heads {
        tokens,
        count: heads,
        each: width / 3 / heads.max(1),
    }
}

/// A shape with another size of the last axis.
fn with_last(mut shape: Shape, size: usize) -> Shape {
    if let Some(last) = shape.iter_mut().last() {
        *last = size;
    }
    shape
}

impl Transformer for Flex {
    fn project(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        gelu: Option<Gelu>,
    ) -> FloatTensor<Self> {
        let layer = layer(&x.shape(), &weight.shape());
        let shape = with_last(x.shape(), layer.outputs);
        let [x, weight, bias] = [&x, &weight, &bias].map(values);
        let then = gelu.map_or(Then::Nothing, Then::Gelu);
        let y = layer.forward(x.storage(), weight.storage(), bias.storage(), then);
        tensor(y, shape)
    }

    fn project_around(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        around: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let layer = layer(&x.shape(), &weight.shape());
        let shape = around.shape();
        let [x, weight, bias, scale, around] = [&x, &weight, &bias, &scale, &around].map(values);
        let (scale, around) = (scale.storage(), around.storage());
        let then = Then::Around { scale, around };
        let y = layer.forward(x.storage(), weight.storage(), bias.storage(), then);
        tensor(y, shape)
    }

    fn scale_around(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        around: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let shape = x.shape();
        let [x, scale, around] = [&x, &scale, &around].map(values);
        let y = add_scaled(around.storage(), scale.storage(), x.storage());
        tensor(y, shape)
    }

    fn rectify(x: FloatTensor<Self>, gelu: Gelu) -> FloatTensor<Self> {
        let (x, shape) = (values(&x), x.shape());
        tensor(gelu::forward(x.storage(), gelu), shape)
    }

    fn attend(qkv: FloatTensor<Self>, heads: usize) -> FloatTensor<Self> {
        let sizes = self::heads(&qkv.shape(), heads);
        let shape = with_last(qkv.shape(), sizes.width());
        tensor(sizes.forward(values(&qkv).storage()), shape)
    }

    fn level(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        let shape = x.shape();
        let [x, gamma, beta] = [&x, &gamma, &beta].map(values);
        let y = norm::forward(x.storage(), gamma.storage(), beta.storage(), epsilon);
        tensor(y, shape)
    }
}
