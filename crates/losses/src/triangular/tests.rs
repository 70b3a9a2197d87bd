use burn::tensor::{Device, Tensor};
use geoloc_core::{Loss, TriangleEmbeddings};
use geoloc_geo_cells::LatLng;

use super::{CrossRelations, EdgeLoss, TriangleRelations, TriangleTargets, Triangular};
use crate::MultiSimilarity;
use crate::gradient_check::{check_gradient, f64s, unit_rows, value};

const PHOTOS: usize = 4;
const CELLS: usize = 5;
const DIM: usize = 3;
const SCALE: f64 = 6.0;

/// Weight of a positive, 0 for a negative, none for a pair that is left out.
fn pair(i: usize, j: usize) -> Option<f32> {
    match (i, j) {
        _ if i == j => Some(1.0),
        (0, 1) | (1, 0) => None,
        _ => Some(0.0),
    }
}

/// Photo 3 has no prototype; photo 1 has two, one of them with half the weight.
fn prototype(i: usize, j: usize) -> Option<f32> {
    match (i, j) {
        (3, _) | (2, 4) => None,
        (1, 2) => Some(0.5),
        _ => Some(f32::from(u8::from(i == j))),
    }
}

fn rows() -> [Vec<f64>; 3] {
    [
        unit_rows(PHOTOS, DIM, 1),
        unit_rows(PHOTOS, DIM, 2),
        unit_rows(CELLS, DIM, 3),
    ]
}

fn output(query: Tensor<2>, aerial: Tensor<2>, prototypes: Tensor<2>) -> TriangleEmbeddings {
    let scale = f64s(&[SCALE], [1], &query.device());
    TriangleEmbeddings {
        query,
        aerial,
        prototypes,
        scale,
    }
}

fn relations(device: &Device) -> TriangleRelations {
    let double = |mut r: CrossRelations| {
        r.weights = r.weights.cast(burn::tensor::DType::F64);
        r
    };
    TriangleRelations {
        ground_aerial: double(CrossRelations::from_fn(PHOTOS, PHOTOS, pair, device)),
        prototypes: double(CrossRelations::from_fn(PHOTOS, CELLS, prototype, device)),
    }
}

fn cosine(a: &[f64], b: &[f64], i: usize, j: usize) -> f64 {
    (0..DIM).map(|k| a[DIM * i + k] * b[DIM * j + k]).sum()
}

/// The definition of an edge, row by row.
fn edge(
    edge: EdgeLoss,
    a: &[f64],
    b: &[f64],
    relation: &dyn Fn(usize, usize) -> Option<f32>,
) -> f64 {
    let (n, m) = (a.len() / DIM, b.len() / DIM);
    let row = |i: usize| -> Option<f64> {
        let of = |j: usize| relation(i, j).map(|w| (f64::from(w), cosine(a, b, i, j)));
        let all: Vec<(f64, f64)> = (0..m).filter_map(of).collect();
        let total: f64 = all.iter().map(|(w, _)| w).sum();
        if total <= 0.0 {
            return None;
        }
        let negatives = || all.iter().filter(|(w, _)| *w == 0.0);
        Some(match edge {
            EdgeLoss::InfoNce => {
                let sum: f64 = all.iter().map(|(_, s)| (SCALE * s).exp()).sum();
                let own: f64 = all.iter().map(|(w, s)| w * SCALE * s).sum();
                sum.ln() - own / total
            }
            EdgeLoss::MultiSimilarity(l) => {
                let positive: f64 = all
                    .iter()
                    .map(|(w, s)| w * (-l.alpha * (s - l.base)).exp())
                    .sum();
                let negative: f64 = negatives()
                    .map(|(_, s)| (l.beta * (s - l.base)).exp())
                    .sum();
                positive.ln_1p() / l.alpha + negative.ln_1p() / l.beta
            }
        })
    };
    let terms: Vec<f64> = (0..n).filter_map(row).collect();
    terms.iter().sum::<f64>() / terms.len() as f64
}

fn losses() -> [Triangular; 2] {
    let multi = MultiSimilarity {
        alpha: 2.0,
        beta: 5.0,
        base: 0.1,
        miner: None,
    };
    [EdgeLoss::InfoNce, EdgeLoss::MultiSimilarity(multi)].map(|edge| Triangular {
        ground_prototype: 0.7,
        ground_aerial: 1.0,
        aerial_prototype: 0.4,
        edge,
    })
}

#[test]
fn equals_the_definition() {
    let device = Device::flex();
    let [q, a, p] = rows();
    for loss in losses() {
        let pairs = edge(loss.edge, &q, &a, &pair) / 2.0
            + edge(loss.edge, &a, &q, &|i, j| pair(j, i)) / 2.0;
        let expected = pairs * loss.ground_aerial
            + edge(loss.edge, &q, &p, &prototype) * loss.ground_prototype
            + edge(loss.edge, &a, &p, &prototype) * loss.aerial_prototype;
        let x = output(
            f64s(&q, [PHOTOS, DIM], &device),
            f64s(&a, [PHOTOS, DIM], &device),
            f64s(&p, [CELLS, DIM], &device),
        );
        let found = value(loss.forward(&x, &relations(&device)));
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
}

#[test]
fn gradients_of_all_three_corners_hold() {
    let [q, a, p] = rows();
    for loss in losses() {
        let corner = |which: usize, x: Tensor<2>| {
            let device = x.device();
            let at = |i: usize, values: &[f64], n: usize| {
                if i == which {
                    x.clone()
                } else {
                    f64s(values, [n, DIM], &device)
                }
            };
            let triangle = output(at(0, &q, PHOTOS), at(1, &a, PHOTOS), at(2, &p, CELLS));
            loss.forward(&triangle, &relations(&device))
        };
        check_gradient(&q, [PHOTOS, DIM], |x| corner(0, x));
        check_gradient(&a, [PHOTOS, DIM], |x| corner(1, x));
        check_gradient(&p, [CELLS, DIM], |x| corner(2, x));
    }
}

#[test]
fn a_batch_without_prototypes_trains_photos_against_tiles_alone() {
    let device = Device::flex();
    let [q, a, p] = rows();
    let x = output(
        f64s(&q, [PHOTOS, DIM], &device),
        f64s(&a, [PHOTOS, DIM], &device),
        f64s(&p, [CELLS, DIM], &device),
    );
    for loss in losses() {
        let mut none = relations(&device);
        none.prototypes = CrossRelations::from_fn(PHOTOS, CELLS, |_, _| None, &device);
        none.prototypes.weights = none.prototypes.weights.cast(burn::tensor::DType::F64);
        let alone = Triangular {
            ground_prototype: 0.0,
            aerial_prototype: 0.0,
            ..loss
        };
        let found = value(loss.forward(&x, &none));
        let expected = value(alone.forward(&x, &relations(&device)));
        assert!((found - expected).abs() < 1e-12);
    }
}

#[test]
fn places_decide_who_belongs_to_whom() {
    let at = |lng: f64| LatLng::new(0.0, lng).unwrap();
    let targets = TriangleTargets {
        prototypes: vec![at(0.0), at(1.0), at(2.0), at(9.0)],
        mask_km: 100.0,
        prototype_mask_km: 300.0,
        neighbours_km: Some((120.0, 50.0)),
    };
    let photos = [at(0.2), at(0.4), at(8.8)];
    let tiles = [at(0.0), at(0.5), at(9.0)];
    let device = Device::flex();
    let found = targets.relations(&photos, &tiles, &[Some(0), None, Some(3)], &device);
    let floats = |t: Tensor<2>| t.try_into_vec_as::<f32>().unwrap();
    let bools = |r: &CrossRelations| r.negative.clone().into_data().try_to_vec::<bool>().unwrap();
    let pairs = floats(found.ground_aerial.weights.clone());
    assert_eq!(pairs, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    let negative = bools(&found.ground_aerial);
    assert_eq!(
        negative,
        [false, false, true, false, false, true, true, true, false]
    );
    // 89 km to the second prototype: a weaker positive; 200 km to the third: left out.
    let weights = floats(found.prototypes.weights.clone());
    assert!((weights[1] - (-88.96f32 / 50.0).exp()).abs() < 1e-3);
    assert_eq!((weights[0], weights[2], weights[3]), (1.0, 0.0, 0.0));
    let negative = bools(&found.prototypes);
    assert_eq!(
        &negative[..8],
        [false, false, false, true, false, false, false, false]
    );
    assert_eq!(&negative[8..], [true, true, true, false]);
}
