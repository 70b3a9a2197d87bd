//! Losses over classes.

use std::sync::Arc;

use burn::tensor::Tensor;
use geoloc_core::{
    CellLogits, CellOffsets, CosineLogits, GeoclassLogits, HierarchicalLogits, Loss, SceneExperts,
    TargetEncoder,
};
use geoloc_geo_cells::{FixedLevelPartition, Level, PartitionBuilder};
use geoloc_losses::{
    AncestorCrossEntropy, BalancedCrossEntropy, CellOffsetLoss, CellWithOffset, ClassWeights,
    CrossEntropy, Margin, MarginSoftmax, SceneCells, SceneExpertsLoss, SmoothedCells,
    SmoothingAnchor, SoftCrossEntropy, SummedCrossEntropy,
};

use crate::case::Given;

fn logits(x: &Given) -> CellLogits {
    CellLogits(x.input("logits"))
}

fn cosines(x: &Given) -> CosineLogits {
    CosineLogits {
        cosine: x.input("cosine"),
        scale: x.input("scale"),
    }
}

pub(crate) fn cross_entropy(x: &Given) -> Tensor<1> {
    let loss = CrossEntropy {
        label_smoothing: x.number("smoothing") as f32,
    };
    loss.forward(&logits(x), &x.classes("classes"))
}

pub(crate) fn cosine_cross_entropy(x: &Given) -> Tensor<1> {
    CrossEntropy::default().forward(&cosines(x), &x.classes("classes"))
}

fn balanced(x: &Given, weights: impl Fn(&[u64]) -> ClassWeights) -> Tensor<1> {
    let counts: Vec<u64> = x.numbers("counts").iter().map(|&n| n as u64).collect();
    let loss = BalancedCrossEntropy {
        weights: weights(&counts),
        focus: x.number("focus"),
    };
    loss.forward(&logits(x), &x.classes("classes"))
}

pub(crate) fn balanced_inverse(x: &Given) -> Tensor<1> {
    balanced(x, ClassWeights::inverse_frequency)
}

pub(crate) fn balanced_effective(x: &Given) -> Tensor<1> {
    balanced(x, |counts| ClassWeights::effective_number(counts, 0.9))
}

fn margin(x: &Given, margin: Margin) -> Tensor<1> {
    MarginSoftmax { margin }.forward(&cosines(x), &x.classes("classes"))
}

pub(crate) fn margin_cosine(x: &Given) -> Tensor<1> {
    margin(x, Margin::Cosine(x.number("margin")))
}

pub(crate) fn margin_angle(x: &Given) -> Tensor<1> {
    margin(x, Margin::Angle(x.number("margin")))
}

fn smoothed(x: &Given, anchor: SmoothingAnchor) -> Tensor<1> {
    let builder = FixedLevelPartition {
        level: Level::new(0).unwrap(),
        ..FixedLevelPartition::default()
    };
    let partition = builder.build(&x.places("places")).unwrap().0;
    let mut encoder = SmoothedCells::pigeon(Arc::new(partition));
    encoder.tau_km = x.number("tau_km");
    encoder.anchor = anchor;
    encoder.normalize = x.number("normalise") > 0.5;
    let target = encoder.encode(&x.places("photos"), x.device()).unwrap();
    SoftCrossEntropy.forward(&logits(x), &x.cast(target))
}

pub(crate) fn smoothed_nearest(x: &Given) -> Tensor<1> {
    smoothed(x, SmoothingAnchor::NearestCell)
}

pub(crate) fn smoothed_own(x: &Given) -> Tensor<1> {
    smoothed(x, SmoothingAnchor::OwnCell)
}

fn summed(x: &Given) -> SummedCrossEntropy {
    SummedCrossEntropy {
        weights: x.numbers("weights").to_vec(),
    }
}

pub(crate) fn summed_levels(x: &Given) -> Tensor<1> {
    let output = HierarchicalLogits(vec![x.input("coarse"), x.input("fine")]);
    summed(x).forward(&output, &x.classes("classes"))
}

pub(crate) fn summed_sets(x: &Given) -> Tensor<1> {
    let output = GeoclassLogits(vec![x.input("coarse"), x.input("fine")]);
    summed(x).forward(&output, &x.classes("classes"))
}

pub(crate) fn ancestors(x: &Given) -> Tensor<1> {
    let output = CellLogits(x.input("fine"));
    AncestorCrossEntropy.forward(&output, &x.mask("members"))
}

pub(crate) fn cell_offset(x: &Given) -> Tensor<1> {
    let output = CellOffsets {
        logits: x.input("logits"),
        offsets: x.input("offsets"),
    };
    let target = CellWithOffset {
        classes: x.classes("classes"),
        offsets: x.floats("truth"),
    };
    let loss = CellOffsetLoss {
        offset_weight: x.number("weight"),
    };
    loss.forward(&output, &target)
}

pub(crate) fn scene_experts(x: &Given) -> Tensor<1> {
    let output = SceneExperts {
        scenes: CellLogits(x.input("scene")),
        experts: ["first", "second"].map(|e| CellLogits(x.input(e))).to_vec(),
    };
    let target = SceneCells {
        cells: x.classes("classes"),
        scenes: x.classes("scenes"),
    };
    let loss = SceneExpertsLoss {
        scene_weight: x.number("weight"),
    };
    loss.forward(&output, &target)
}
