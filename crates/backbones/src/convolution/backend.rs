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
use burn::tensor::TensorData;
use burn::tensor::ops::ConvOptions;

use super::geometry::Geometry;
use super::{Activation, dense, depthwise};

/// Two-dimensional convolutions. Defaults are those of the backend.
#[backend_extension(Flex, Autodiff)]
pub(super) trait Convolution: Backend {
    /// The convolution without bias.
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        options: ConvOptions<2>,
    ) -> FloatTensor<Self> {
        Self::conv2d(x, weight, None, options)
    }

    /// The convolution with a bias and an activation, without gradients.
    fn convolve_and_activate(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: ConvOptions<2>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let y = Self::conv2d(x, weight, Some(bias), options);
        match activation {
            Activation::None => y,
            Activation::Clamp(low, high) => Self::float_clamp(y, low.into(), high.into()),
        }
    }

    /// The gradient of [`Convolution::convolve`] with respect to `x`.
    fn convolve_x_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        options: ConvOptions<2>,
    ) -> FloatTensor<Self> {
        Self::conv2d_x_backward(x, weight, gradient, options)
    }

    /// The gradient of [`Convolution::convolve`] with respect to `weight`.
    fn convolve_weight_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        options: ConvOptions<2>,
    ) -> FloatTensor<Self> {
        Self::conv2d_weight_backward(x, weight, gradient, options)
    }
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
    x: &FloatTensor<Flex>,
    weight: &FloatTensor<Flex>,
    bias: Option<&FloatTensor<Flex>>,
    options: &ConvOptions<2>,
    activation: Activation,
) -> Option<FloatTensor<Flex>> {
    let shape = geometry(x, weight, options)?;
    let bias = bias.map(FlexTensor::to_contiguous);
    let bias = match &bias {
        Some(bias) => Some(bias.as_slice()?),
        None => None,
    };
    let run = if shape.is_depthwise() {
        depthwise::forward
    } else {
        dense::forward
    };
    let y = with_values(x, weight, |x, w| run(x, w, bias, activation, &shape))?;
    Some(tensor(
        y,
        [shape.batch, shape.outputs, shape.output[0], shape.output[1]],
    ))
}

impl Convolution for Flex {
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        options: ConvOptions<2>,
    ) -> FloatTensor<Self> {
        forward(&x, &weight, None, &options, Activation::None)
            .unwrap_or_else(|| Self::conv2d(x, weight, None, options))
    }

    fn convolve_and_activate(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: ConvOptions<2>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        forward(&x, &weight, Some(&bias), &options, activation).unwrap_or_else(|| {
            let y = Self::conv2d(x, weight, Some(bias), options);
            match activation {
                Activation::None => y,
                Activation::Clamp(low, high) => Self::float_clamp(y, low.into(), high.into()),
            }
        })
    }

    fn convolve_x_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        options: ConvOptions<2>,
    ) -> FloatTensor<Self> {
        let own = geometry(&x, &weight, &options).and_then(|shape| {
            let run = if shape.is_depthwise() {
                depthwise::input_gradient
            } else {
                dense::input_gradient
            };
            let values = with_values(&gradient, &weight, |g, w| run(g, w, &shape))?;
            Some(tensor(values, x.shape().dims()))
        });
        own.unwrap_or_else(|| Self::conv2d_x_backward(x, weight, gradient, options))
    }

    fn convolve_weight_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        options: ConvOptions<2>,
    ) -> FloatTensor<Self> {
        let own = geometry(&x, &weight, &options).and_then(|shape| {
            let run = if shape.is_depthwise() {
                depthwise::weight_gradient
            } else {
                dense::weight_gradient
            };
            let values = with_values(&x, &gradient, |x, g| run(x, g, &shape))?;
            Some(tensor(values, weight.shape().dims()))
        });
        own.unwrap_or_else(|| Self::conv2d_weight_backward(x, weight, gradient, options))
    }
}

/// The step of the backward pass.
#[derive(Debug)]
struct Convolve;

impl<B: Convolution> Backward<B, 2> for Convolve {
    type State = (NodeId, NodeId, ConvOptions<2>);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [of_x, of_weight] = ops.parents;
        let gradient = grads.consume::<B>(&ops.node);
        let (x, weight, options) = ops.state;
        let x = checkpointer.retrieve_node_output::<FloatTensor<B>>(x);
        let weight = checkpointer.retrieve_node_output::<FloatTensor<B>>(weight);
        if let Some(node) = of_x {
            let (x, weight) = (x.clone(), weight.clone());
            let change = B::convolve_x_backward(x, weight, gradient.clone(), options.clone());
            grads.register::<B>(node.id, change);
        }
        if let Some(node) = of_weight {
            let change = B::convolve_weight_backward(x, weight, gradient, options);
            grads.register::<B>(node.id, change);
        }
    }
}

impl<B: Convolution, C: CheckpointStrategy> Convolution for Autodiff<B, C> {
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
                step.finish(state, B::convolve(x, weight, options))
            }
            OpsKind::UnTracked(step) => {
                let (x, weight) = (x.into_primitive(), weight.into_primitive());
                step.finish(B::convolve(x, weight, options))
            }
        }
    }
}
