//! Losses over embeddings.

use burn::tensor::Tensor;
use geoloc_core::{
    Embedding, Loss, PairEmbeddings, PlaceEmbeddings, TargetEncoder, TriangleEmbeddings,
};
use geoloc_losses::{
    CrossRelations, DecoupledInfoNce, DistanceRelations, EdgeLoss, InfoNce, MilNce,
    MultiSimilarity, PairMask, PairMasks, PairRelations, PlaceContrast, PlaceMasks,
    SoftMarginTriplet, TriangleRelations, Triangular,
};

use crate::case::Given;

fn pairs(x: &Given, scale: Tensor<1>) -> PairEmbeddings {
    PairEmbeddings {
        query: x.unit("query"),
        aerial: x.unit("aerial"),
        scale,
    }
}

fn pair_mask(x: &Given) -> PairMask {
    let masks = PairMasks {
        radius_km: x.number("radius_km"),
    };
    masks.mask(&x.places("truth"), x.device())
}

pub(crate) fn info_nce(x: &Given) -> Tensor<1> {
    let loss = InfoNce {
        label_smoothing: x.number("smoothing"),
    };
    loss.forward(&pairs(x, x.input("scale")), &pair_mask(x))
}

pub(crate) fn decoupled(x: &Given) -> Tensor<1> {
    let loss = DecoupledInfoNce {
        label_smoothing: x.number("smoothing"),
    };
    loss.forward(&pairs(x, x.input("scale")), &pair_mask(x))
}

pub(crate) fn triplet(x: &Given) -> Tensor<1> {
    let loss = SoftMarginTriplet {
        alpha: x.number("alpha"),
    };
    loss.forward(&pairs(x, x.floats("alpha")), &pair_mask(x))
}

pub(crate) fn place_contrast(x: &Given) -> Tensor<1> {
    let output = PlaceEmbeddings {
        image: x.unit("image"),
        places: x.unit("places"),
        scale: x.input("scale"),
    };
    let masks = PlaceMasks {
        radius_km: x.number("radius_km"),
    };
    let mask = masks.mask(&x.places("truth"), &x.places("queue"), x.device());
    PlaceContrast.forward(&output, &mask)
}

pub(crate) fn multi_similarity(x: &Given) -> Tensor<1> {
    let loss = MultiSimilarity {
        alpha: x.number("alpha"),
        beta: x.number("beta"),
        base: x.number("base"),
        miner: x.numbers("miner").first().copied(),
    };
    let labels: Vec<u64> = x.numbers("labels").iter().map(|&l| l as u64).collect();
    let relations = PairRelations::from_labels(&labels, x.device());
    loss.forward(&Embedding(x.unit("rows")), &relations)
}

pub(crate) fn mil_nce(x: &Given) -> Tensor<1> {
    let encoder = DistanceRelations {
        positive_km: x.number("positive_km"),
        negative_km: x.number("negative_km"),
    };
    let relations = encoder.encode(&x.places("places"), x.device()).unwrap();
    let loss = MilNce {
        temperature: x.number("temperature"),
    };
    loss.forward(&Embedding(x.unit("rows")), &relations)
}

/// -1 leaves a pair out.
fn relations(x: &Given, name: &str, columns: usize) -> CrossRelations {
    let values = x.numbers(name);
    let weight = |i: usize, j: usize| {
        let weight = values[i * columns + j] as f32;
        (weight >= 0.0).then_some(weight)
    };
    let found = CrossRelations::from_fn(values.len() / columns, columns, weight, x.device());
    CrossRelations {
        weights: x.cast(found.weights),
        ..found
    }
}

fn triangular(x: &Given, edge: EdgeLoss) -> Tensor<1> {
    let loss = Triangular {
        ground_prototype: x.number("ground_prototype"),
        ground_aerial: x.number("ground_aerial"),
        aerial_prototype: x.number("aerial_prototype"),
        edge,
    };
    let output = TriangleEmbeddings {
        query: x.unit("query"),
        aerial: x.unit("aerial"),
        prototypes: x.unit("prototypes"),
        scale: x.input("scale"),
    };
    let target = TriangleRelations {
        ground_aerial: relations(x, "pairs", 4),
        prototypes: relations(x, "relations", 5),
    };
    loss.forward(&output, &target)
}

pub(crate) fn triangular_info_nce(x: &Given) -> Tensor<1> {
    triangular(x, EdgeLoss::InfoNce)
}

pub(crate) fn triangular_multi_similarity(x: &Given) -> Tensor<1> {
    let edge = MultiSimilarity {
        alpha: 2.0,
        beta: 5.0,
        base: 0.125,
        miner: Some(0.1),
    };
    triangular(x, EdgeLoss::MultiSimilarity(edge))
}
