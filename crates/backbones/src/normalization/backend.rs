//! Batch norm and activation as one operation of burn's backends, with its gradients.

use std::sync::Arc;

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::{FlexDevice, FlexTensor};
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Shape, TensorData};

use super::kernels::{Maps, Moments};
use crate::activation::Activation;

/// Batch norms.
#[backend_extension(Flex, Autodiff)]
pub(super) trait Normalization: Backend {
    /// The norm of `x`, `[batch, channels, height, width]`, by moments of `x` that the gradient goes
    /// through, and the activation.
    fn normalize(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        moments: Arc<Moments>,
        activation: Activation,
    ) -> FloatTensor<Self>;
}

/// The sizes of maps of this shape.
fn maps(shape: &Shape) -> Maps {
    let [batch, channels, height, width] = shape.dims();
    Maps {
        batch,
        channels,
        values: height * width,
    }
}

/// The values of a tensor of 32-bit numbers in the order of its shape.
fn values(x: &FlexTensor) -> FlexTensor {
    x.to_contiguous()
}

/// Means and variances of the channels of maps.
pub(super) fn moments(x: &FlexTensor, epsilon: f64) -> Moments {
    let shape = x.shape();
    maps(&shape).moments(values(x).storage(), epsilon)
}

impl Normalization for Flex {
    fn normalize(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        moments: Arc<Moments>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let shape = x.shape();
        let (x, gamma, beta) = (values(&x), values(&gamma), values(&beta));
        let (x, gamma, beta) = (x.storage(), gamma.storage(), beta.storage());
        let y = maps(&shape).normalize(x, gamma, beta, &moments, activation);
        Self::float_from_data(TensorData::new(y, shape), &FlexDevice)
    }
}

/// The step of the backward pass.
#[derive(Debug)]
struct Normalize;

impl Backward<Flex, 3> for Normalize {
    type State = (NodeId, NodeId, NodeId, Arc<Moments>, Activation);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let (x, gamma, beta, moments, activation) = ops.state;
        let [x, gamma, beta] =
            [x, gamma, beta].map(|node| checkpointer.retrieve_node_output::<FlexTensor>(node));
        let shapes = [x.shape(), gamma.shape(), beta.shape()];
        let maps = maps(&shapes[0]);
        let [x, gamma, beta, gradient] = [&x, &gamma, &beta, &gradient].map(values);
        let changes = maps.gradients(
            x.storage(),
            gamma.storage(),
            beta.storage(),
            &moments,
            activation,
            gradient.storage(),
        );
        for ((node, change), shape) in ops.parents.into_iter().zip(changes).zip(shapes) {
            if let Some(node) = node {
                let change = Flex::float_from_data(TensorData::new(change, shape), &FlexDevice);
                grads.register::<Flex>(node.id, change);
            }
        }
    }
}

impl<C: CheckpointStrategy> Normalization for Autodiff<Flex, C> {
    fn normalize(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        moments: Arc<Moments>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let prepared = Normalize.prepare::<C>([x.node(), gamma.node(), beta.node()]);
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                let [of_x, of_gamma, of_beta] =
                    [&x, &gamma, &beta].map(|tensor| step.checkpoint(tensor));
                let state = (of_x, of_gamma, of_beta, moments.clone(), activation);
                let [x, gamma, beta] = [x, gamma, beta].map(FloatTensor::<Self>::into_primitive);
                step.finish(state, Flex::normalize(x, gamma, beta, moments, activation))
            }
            OpsKind::UnTracked(step) => {
                let [x, gamma, beta] = [x, gamma, beta].map(FloatTensor::<Self>::into_primitive);
                step.finish(Flex::normalize(x, gamma, beta, moments, activation))
            }
        }
    }
}
