//! The convolution as an operation of burn's backends, with its gradients.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::{FlexDevice, FlexTensor};
use burn::backend::ops::{FloatTensorOps, ModuleOps};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, DType, Flex, TensorMetadata, backend_extension};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Shape, TensorData};

use super::geometry::Geometry;
use super::pass::Then;
use super::{dense, depthwise};
use crate::activation::Activation;

/// Two-dimensional convolutions.
#[backend_extension(Flex, Autodiff)]
pub(super) trait Convolution: Backend {
    /// The convolution without bias.
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        options: ConvOptions<2>,
    ) -> FloatTensor<Self>;

    /// The convolution with a bias and an activation.
    fn convolve_and_activate(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: ConvOptions<2>,
        activation: Activation,
    ) -> FloatTensor<Self>;

    /// The convolution with a bias, plus maps of the shape of the result, and an activation.
    fn convolve_around(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        around: FloatTensor<Self>,
        options: ConvOptions<2>,
        activation: Activation,
    ) -> FloatTensor<Self>;
}

/// Values in the order of their shape, and the sizes of the convolution; `None` for other numbers than
/// `f32`, which are left to the backend.
fn geometry(
    x: &FloatTensor<Flex>,
    weight: &FloatTensor<Flex>,
    options: &ConvOptions<2>,
) -> Option<Geometry> {
    if x.dtype() != DType::F32 || weight.dtype() != DType::F32 {
        return None;
    }
    Geometry::new(
        x.shape().dims(),
        weight.shape().dims(),
        options.stride,
        options.padding,
        options.dilation,
        options.groups,
    )
}

/// A tensor of these values.
fn tensor(values: Vec<f32>, shape: [usize; 4]) -> FloatTensor<Flex> {
    Flex::float_from_data(TensorData::new(values, shape), &FlexDevice)
}

/// The values of two tensors in the order of their shapes, given to `work`.
fn with_values<R>(
    left: &FloatTensor<Flex>,
    right: &FloatTensor<Flex>,
    work: impl FnOnce(&[f32], &[f32]) -> R,
) -> Option<R> {
    let (left, right) = (left.to_contiguous(), right.to_contiguous());
    Some(work(left.as_slice()?, right.as_slice()?))
}

/// The convolution by our products, if they can do it.
fn forward(
    x: &FlexTensor,
    weight: &FlexTensor,
    bias: Option<&FlexTensor>,
    around: Option<&FlexTensor>,
    options: &ConvOptions<2>,
    activation: Activation,
) -> Option<FlexTensor> {
    let shape = geometry(x, weight, options)?;
    let result = [shape.batch, shape.outputs, shape.output[0], shape.output[1]];
    let (bias, around) = (
        bias.map(FlexTensor::to_contiguous),
        around.map(FlexTensor::to_contiguous),
    );
    if around
        .as_ref()
        .is_some_and(|around| around.shape().dims() != result)
    {
        return None;
    }
    let then = Then {
        bias: bias.as_ref().and_then(FlexTensor::as_slice),
        around: around.as_ref().and_then(FlexTensor::as_slice),
        activation,
    };
    if then.bias.is_some() != bias.is_some() || then.around.is_some() != around.is_some() {
        return None;
    }
    let run = if shape.is_depthwise() {
        depthwise::forward
    } else {
        dense::forward
    };
    let y = with_values(x, weight, |x, w| run(x, w, &then, &shape))?;
    Some(tensor(y, result))
}

impl Convolution for Flex {
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        options: ConvOptions<2>,
    ) -> FloatTensor<Self> {
        forward(&x, &weight, None, None, &options, Activation::None)
            .unwrap_or_else(|| Self::conv2d(x, weight, None, options))
    }

    fn convolve_and_activate(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: ConvOptions<2>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        forward(&x, &weight, Some(&bias), None, &options, activation).unwrap_or_else(|| {
            activate::<Self>(Self::conv2d(x, weight, Some(bias), options), activation)
        })
    }

    fn convolve_around(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        around: FloatTensor<Self>,
        options: ConvOptions<2>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let own = forward(
            &x,
            &weight,
            Some(&bias),
            Some(&around),
            &options,
            activation,
        );
        own.unwrap_or_else(|| {
            let y = Self::conv2d(x, weight, Some(bias), options);
            activate::<Self>(Self::float_add(y, around), activation)
        })
    }
}

/// The activation by the backend's operation.
fn activate<B: Backend>(x: FloatTensor<B>, activation: Activation) -> FloatTensor<B> {
    match activation {
        Activation::None => x,
        Activation::Clamp(low, high) => B::float_clamp(x, low.into(), high.into()),
    }
}

/// The gradient with respect to `x`.
fn input_gradient(
    x: FlexTensor,
    weight: FlexTensor,
    gradient: FlexTensor,
    options: ConvOptions<2>,
) -> FlexTensor {
    let own = geometry(&x, &weight, &options).and_then(|shape| {
        let run = if shape.is_depthwise() {
            depthwise::input_gradient
        } else {
            dense::input_gradient
        };
        let values = with_values(&gradient, &weight, |g, w| run(g, w, &shape))?;
        Some(tensor(values, x.shape().dims()))
    });
    own.unwrap_or_else(|| Flex::conv2d_x_backward(x, weight, gradient, options))
}

/// The gradient with respect to `weight`.
fn weight_gradient(
    x: FlexTensor,
    weight: FlexTensor,
    gradient: FlexTensor,
    options: ConvOptions<2>,
) -> FlexTensor {
    let own = geometry(&x, &weight, &options).and_then(|shape| {
        let run = if shape.is_depthwise() {
            depthwise::weight_gradient
        } else {
            dense::weight_gradient
        };
        let values = with_values(&x, &gradient, |x, g| run(x, g, &shape))?;
        Some(tensor(values, weight.shape().dims()))
    });
    own.unwrap_or_else(|| Flex::conv2d_weight_backward(x, weight, gradient, options))
}

/// The step of the backward pass.
#[derive(Debug)]
struct Convolve;

impl Backward<Flex, 2> for Convolve {
    type State = (NodeId, NodeId, ConvOptions<2>);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [of_x, of_weight] = ops.parents;
        let gradient = grads.consume::<Flex>(&ops.node);
        let (x, weight, options) = ops.state;
        let x = checkpointer.retrieve_node_output::<FlexTensor>(x);
        let weight = checkpointer.retrieve_node_output::<FlexTensor>(weight);
        if let Some(node) = of_x {
            let (x, weight) = (x.clone(), weight.clone());
            let change = input_gradient(x, weight, gradient.clone(), options.clone());
            grads.register::<Flex>(node.id, change);
        }
        if let Some(node) = of_weight {
            let change = weight_gradient(x, weight, gradient, options);
            grads.register::<Flex>(node.id, change);
        }
    }
}

impl<C: CheckpointStrategy> Convolution for Autodiff<Flex, C> {
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        options: ConvOptions<2>,
    ) -> FloatTensor<Self> {
        let prepared = Convolve.prepare::<C>([x.node(), weight.node()]);
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                let state = (
                    step.checkpoint(&x),
                    step.checkpoint(&weight),
                    options.clone(),
                );
                let (x, weight) = (x.into_primitive(), weight.into_primitive());
                step.finish(state, Flex::convolve(x, weight, options))
            }
            OpsKind::UnTracked(step) => {
                let (x, weight) = (x.into_primitive(), weight.into_primitive());
                step.finish(Flex::convolve(x, weight, options))
            }
        }
    }
    fn convolve_and_activate(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: ConvOptions<2>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let bias = Self::float_reshape(bias, Shape::new([1, weight.shape()[0], 1, 1]));
        let y = Self::convolve(x, weight, options);
        activate::<Self>(Self::float_add(y, bias), activation)
    }

    fn convolve_around(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        around: FloatTensor<Self>,
        options: ConvOptions<2>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let y = Self::convolve_and_activate(x, weight, bias, options, Activation::None);
        activate::<Self>(Self::float_add(y, around), activation)
    }
}
