//! Losses over coordinates and densities.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;
use geoloc_core::{
    CellLogits, Directions, Loss, ScaledCoordinates, SphericalFlow, SphericalMixture,
    TargetEncoder, TwoTasks, VelocityField,
};
use geoloc_losses::{
    CrossEntropy, DirectionLoss, Discrepancy, FlowMatching, FlowTarget, HaversineLoss, MixtureNll,
    ScaledPlaces, UncertaintyWeighted, UnitVectors, WeightedSum,
};

use crate::case::Given;

fn unit_vectors(x: &Given) -> Tensor<2> {
    let target = UnitVectors.encode(&x.places("truth"), x.device()).unwrap();
    x.cast(target)
}

pub(crate) fn haversine(x: &Given) -> Tensor<1> {
    let target = ScaledPlaces.encode(&x.places("truth"), x.device()).unwrap();
    let output = ScaledCoordinates(x.input("scaled"));
    HaversineLoss::default().forward(&output, &x.cast(target))
}

fn direction(x: &Given, discrepancy: Discrepancy) -> Tensor<1> {
    let output = Directions(x.unit("rows"));
    DirectionLoss { discrepancy }.forward(&output, &unit_vectors(x))
}

pub(crate) fn half_squared_chord(x: &Given) -> Tensor<1> {
    direction(x, Discrepancy::HalfSquaredChord)
}

pub(crate) fn angle(x: &Given) -> Tensor<1> {
    direction(x, Discrepancy::Angle)
}

pub(crate) fn score(x: &Given) -> Tensor<1> {
    direction(x, Discrepancy::Score { scale_km: 1492.7 })
}

fn two_tasks(x: &Given, log_variances: Tensor<1>) -> TwoTasks<Directions, CellLogits> {
    TwoTasks {
        first: Directions(x.unit("rows")),
        second: CellLogits(x.input("logits")),
        log_variances,
    }
}

pub(crate) fn uncertainty(x: &Given) -> Tensor<1> {
    let loss = UncertaintyWeighted::<DirectionLoss, CrossEntropy>::default();
    let target = (unit_vectors(x), x.classes("classes"));
    loss.forward(&two_tasks(x, x.input("log_variances")), &target)
}

pub(crate) fn weighted_sum(x: &Given) -> Tensor<1> {
    let loss = WeightedSum {
        first: DirectionLoss::default(),
        second: CrossEntropy::default(),
        weights: [x.numbers("weights")[0], x.numbers("weights")[1]],
    };
    let target = (unit_vectors(x), x.classes("classes"));
    loss.forward(&two_tasks(x, x.floats("weights")), &target)
}

pub(crate) fn mixture(x: &Given) -> Tensor<1> {
    let output = SphericalMixture {
        log_weights: log_softmax(x.input::<2>("weights"), 1),
        means: x.unit("means"),
        kappas: x.input("kappas"),
    };
    MixtureNll.forward(&output, &unit_vectors(x))
}

/// tanh of one matrix over point, progress and condition.
#[derive(Module, Debug)]
struct OneMatrix {
    #[module(skip)]
    matrix: Tensor<2>,
}

impl VelocityField for OneMatrix {
    fn velocity(&self, points: Tensor<2>, progress: Tensor<2>, condition: Tensor<2>) -> Tensor<2> {
        let all = Tensor::cat(vec![points, progress, condition], 1);
        all.matmul(self.matrix.clone()).tanh()
    }
}

pub(crate) fn flow_matching(x: &Given) -> Tensor<1> {
    let output = SphericalFlow {
        field: OneMatrix {
            matrix: x.input("matrix"),
        },
        condition: x.input("condition"),
    };
    let target = FlowTarget {
        points: x.floats("points"),
        progress: x.floats("progress"),
        velocities: x.floats("velocities"),
        kept: x.floats("kept"),
    };
    FlowMatching.forward(&output, &target)
}
