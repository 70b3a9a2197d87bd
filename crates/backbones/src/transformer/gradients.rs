//! The gradients of the layers.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};

use super::backend::{Transformer, heads, layer, tensor, values};
use super::linear::add_scaled_gradients;
use super::{Gelu, gelu, norm};

/// The step back through a linear layer.
#[derive(Debug)]
struct Project;

impl Backward<Flex, 3> for Project {
    type State = [NodeId; 2];

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let gradient = values(&grads.consume::<Flex>(&ops.node));
        let [x, weight] = ops
            .state
            .map(|node| values(&checkpointer.retrieve_node_output::<FlexTensor>(node)));
        let layer = layer(&x.shape(), &weight.shape());
        let [of_x, of_weight, of_bias] = ops.parents;
        if let Some(node) = of_x {
            let change = layer.input_gradient(gradient.storage(), weight.storage());
            grads.register::<Flex>(node.id, tensor(change, x.shape()));
        }
        if let Some(node) = of_weight {
            let change = layer.weight_gradient(x.storage(), gradient.storage());
            grads.register::<Flex>(node.id, tensor(change, weight.shape()));
        }
        if let Some(node) = of_bias {
            let change = layer.bias_gradient(gradient.storage());
            grads.register::<Flex>(node.id, tensor(change, [layer.outputs].into()));
        }
    }
}

/// The step back through a sum with a factor for each column.
#[derive(Debug)]
struct ScaleAround;

impl Backward<Flex, 3> for ScaleAround {
    type State = [NodeId; 2];

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let gradient = values(&grads.consume::<Flex>(&ops.node));
        let [x, scale] = ops
            .state
            .map(|node| values(&checkpointer.retrieve_node_output::<FlexTensor>(node)));
        let [of_x, of_scale, of_around] = ops.parents;
        let given = (scale.storage(), x.storage(), gradient.storage());
        let [scale_change, change] = add_scaled_gradients(given.0, given.1, given.2);
        if let Some(node) = of_x {
            grads.register::<Flex>(node.id, tensor(change, x.shape()));
        }
        if let Some(node) = of_scale {
            grads.register::<Flex>(node.id, tensor(scale_change, scale.shape()));
        }
        if let Some(node) = of_around {
            grads.register::<Flex>(node.id, gradient);
        }
    }
}

/// The step back through a rectifier.
#[derive(Debug)]
struct Rectify;

impl Backward<Flex, 1> for Rectify {
    type State = (NodeId, Gelu);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let gradient = values(&grads.consume::<Flex>(&ops.node));
        let (x, gelu) = ops.state;
        let x = values(&checkpointer.retrieve_node_output::<FlexTensor>(x));
        if let [Some(node)] = ops.parents {
            let change = gelu::backward(x.storage(), gradient.storage(), gelu);
            grads.register::<Flex>(node.id, tensor(change, x.shape()));
        }
    }
}

/// The step back through an attention.
#[derive(Debug)]
struct Attend;

impl Backward<Flex, 1> for Attend {
    type State = (NodeId, usize);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let gradient = values(&grads.consume::<Flex>(&ops.node));
        let (qkv, count) = ops.state;
        let qkv = values(&checkpointer.retrieve_node_output::<FlexTensor>(qkv));
        if let [Some(node)] = ops.parents {
            let sizes = heads(&qkv.shape(), count);
            let change = sizes.backward(qkv.storage(), gradient.storage());
            grads.register::<Flex>(node.id, tensor(change, qkv.shape()));
        }
    }
}

/// The step back through a norm.
#[derive(Debug)]
struct Level;

impl Backward<Flex, 3> for Level {
    type State = ([NodeId; 2], f64);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let gradient = values(&grads.consume::<Flex>(&ops.node));
        let (nodes, epsilon) = ops.state;
        let [x, gamma] =
            nodes.map(|node| values(&checkpointer.retrieve_node_output::<FlexTensor>(node)));
        let shapes = [x.shape(), gamma.shape(), gamma.shape()];
        let (x, gamma) = (x.storage(), gamma.storage());
        let changes = norm::backward(x, gamma, gradient.storage(), epsilon);
        for ((node, change), shape) in ops.parents.into_iter().zip(changes).zip(shapes) {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, tensor(change, shape));
            }
        }
    }
}

impl<C: CheckpointStrategy> Transformer for Autodiff<Flex, C> {
    fn project(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        gelu: Option<Gelu>,
    ) -> FloatTensor<Self> {
        if let Some(gelu) = gelu {
            // The gradient of the rectifier needs what comes before it.
            return Self::rectify(Self::project(x, weight, bias, None), gelu);
        }
        let prepared = Project.prepare::<C>([x.node(), weight.node(), bias.node()]);
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                let state = [&x, &weight].map(|tensor| step.checkpoint(tensor));
                let [x, weight, bias] = [x, weight, bias].map(FloatTensor::<Self>::into_primitive);
                step.finish(state, Flex::project(x, weight, bias, None))
            }
            OpsKind::UnTracked(step) => {
                let [x, weight, bias] = [x, weight, bias].map(FloatTensor::<Self>::into_primitive);
                step.finish(Flex::project(x, weight, bias, None))
            }
        }
    }

    fn project_around(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        around: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        // The gradient of the factors needs the result of the layer.
        Self::scale_around(Self::project(x, weight, bias, None), scale, around)
    }

    fn scale_around(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        around: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let prepared = ScaleAround.prepare::<C>([x.node(), scale.node(), around.node()]);
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                let state = [&x, &scale].map(|tensor| step.checkpoint(tensor));
                let [x, scale, around] =
                    [x, scale, around].map(FloatTensor::<Self>::into_primitive);
                step.finish(state, Flex::scale_around(x, scale, around))
            }
            OpsKind::UnTracked(step) => {
                let [x, scale, around] =
                    [x, scale, around].map(FloatTensor::<Self>::into_primitive);
                step.finish(Flex::scale_around(x, scale, around))
            }
        }
    }

    fn rectify(x: FloatTensor<Self>, gelu: Gelu) -> FloatTensor<Self> {
        let prepared = Rectify.prepare::<C>([x.node()]);
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                let state = (step.checkpoint(&x), gelu);
                step.finish(state, Flex::rectify(x.into_primitive(), gelu))
            }
            OpsKind::UnTracked(step) => step.finish(Flex::rectify(x.into_primitive(), gelu)),
        }
    }

    fn attend(qkv: FloatTensor<Self>, heads: usize) -> FloatTensor<Self> {
        let prepared = Attend.prepare::<C>([qkv.node()]);
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                let state = (step.checkpoint(&qkv), heads);
                step.finish(state, Flex::attend(qkv.into_primitive(), heads))
            }
            OpsKind::UnTracked(step) => step.finish(Flex::attend(qkv.into_primitive(), heads)),
        }
    }

    fn level(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        let prepared = Level.prepare::<C>([x.node(), gamma.node(), beta.node()]);
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                let state = ([&x, &gamma].map(|tensor| step.checkpoint(tensor)), epsilon);
                let [x, gamma, beta] = [x, gamma, beta].map(FloatTensor::<Self>::into_primitive);
                step.finish(state, Flex::level(x, gamma, beta, epsilon))
            }
            OpsKind::UnTracked(step) => {
                let [x, gamma, beta] = [x, gamma, beta].map(FloatTensor::<Self>::into_primitive);
                step.finish(Flex::level(x, gamma, beta, epsilon))
            }
        }
    }
}
