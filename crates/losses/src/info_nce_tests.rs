use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{Loss, MAX_SCALE, PairEmbeddings, limit_log_scale};
use geoloc_geo_cells::LatLng;

use super::*;
use crate::gradient_check::{check_gradient, f64s, unit_rows, value};

const QUERY: [[f32; 2]; 3] = [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]];
const AERIAL: [[f32; 2]; 3] = [[0.8, 0.6], [0.0, 1.0], [-0.6, 0.8]];
const SCALE: f32 = 5.0;

fn output(device: &Device) -> PairEmbeddings {
    let rows =
        |rows: [[f32; 2]; 3]| Tensor::from_data(TensorData::new(rows.concat(), [3, 2]), device);
    PairEmbeddings {
        query: rows(QUERY),
        aerial: rows(AERIAL),
        scale: Tensor::full([1], SCALE, device),
    }
}

/// The definition, in f64: half the mean cross-entropy of rows and columns.
fn reference(ignored: &[(usize, usize)], smoothing: f64) -> f64 {
    let logit = |i: usize, j: usize| {
        let dot = QUERY[i][0] * AERIAL[j][0] + QUERY[i][1] * AERIAL[j][1];
        f64::from(SCALE) * f64::from(dot)
    };
    let kept = |i, j| !ignored.contains(&(i, j)) && !ignored.contains(&(j, i));
    let direction = |at: &dyn Fn(usize, usize) -> f64| {
        let row = |i: usize| {
            let others: Vec<usize> = (0..3).filter(|&j| kept(i, j)).collect();
            let log_sum = others.iter().map(|&j| at(i, j).exp()).sum::<f64>().ln();
            let spread: f64 = others.iter().map(|&j| log_sum - at(i, j)).sum();
            (1.0 - smoothing) * (log_sum - at(i, i)) + smoothing * spread / others.len() as f64
        };
        (0..3).map(row).sum::<f64>() / 3.0
    };
    f64::midpoint(direction(&logit), direction(&|i, j| logit(j, i)))
}

fn loss(loss: InfoNce, target: &PairMask) -> f64 {
    let value = loss.forward(&output(&Device::flex()), target);
    f64::from(value.into_scalar::<f32>())
}

#[test]
fn equals_the_definition() {
    let none = PairMask { ignore: None };
    let plain = InfoNce::default();
    assert!((loss(plain, &none) - reference(&[], 0.0)).abs() < 1e-5);
    let smooth = InfoNce {
        label_smoothing: 0.1,
    };
    assert!((loss(smooth, &none) - reference(&[], 0.1)).abs() < 1e-5);
}

#[test]
fn near_negatives_are_left_out() {
    // The first two places are 11 km apart, the third is far away.
    let places =
        [(0.0, 0.0), (0.1, 0.0), (0.0, 90.0)].map(|(lat, lng)| LatLng::new(lat, lng).unwrap());
    let device = Device::flex();
    let mask = PairMasks { radius_km: 50.0 }.mask(&places, &device);
    for smoothing in [0.0, 0.2] {
        let infonce = InfoNce {
            label_smoothing: smoothing,
        };
        let expected = reference(&[(0, 1)], smoothing);
        assert!((loss(infonce, &mask) - expected).abs() < 1e-5);
    }
    let none = PairMasks { radius_km: 1.0 }.mask(&places, &device);
    assert!(none.ignore.is_none());
    // One place many times: every pair is left out but the diagonal, and the loss is 0.
    let same = PairMasks { radius_km: 1.0 }.mask(&[places[0]; 3], &device);
    assert!(loss(InfoNce::default(), &same).abs() < 1e-6);
}

#[test]
fn the_smoothed_target_has_mass_one_with_pairs_left_out() {
    // With equal logits the loss is the entropy of the kept pairs, whatever the smoothing.
    let device = Device::flex();
    let ones = || f64s(&[1.0; 3], [3, 1], &device);
    let out = PairEmbeddings {
        query: ones(),
        aerial: ones(),
        scale: f64s(&[2.0], [1], &device),
    };
    for label_smoothing in [0.0, 0.3, 0.9] {
        let found = InfoNce { label_smoothing }.forward(&out, &ignoring(&[(0, 1)], &device));
        // Two rows of two pairs, one of three.
        let expected = (2.0 * 2f64.ln() + 3f64.ln()) / 3.0;
        assert!((value(found) - expected).abs() < 1e-9);
    }
}

/// A mask that leaves out the pairs, both ways.
fn ignoring(pairs: &[(usize, usize)], device: &Device) -> PairMask {
    let hit = |i: usize, j: usize| pairs.contains(&(i, j)) || pairs.contains(&(j, i));
    let values: Vec<bool> = (0..9).map(|k| hit(k / 3, k % 3)).collect();
    PairMask {
        ignore: Some(Tensor::from_data(TensorData::new(values, [3, 3]), device)),
    }
}

#[test]
fn gradients_of_both_sides_equal_differences_in_f64() {
    let sides = [unit_rows(3, 2, 5), unit_rows(3, 2, 6)];
    for label_smoothing in [0.0, 0.2] {
        for masked in [false, true] {
            let loss = |query: Tensor<2>, aerial: Tensor<2>| {
                let device = query.device();
                let mask = if masked {
                    ignoring(&[(0, 2)], &device)
                } else {
                    PairMask { ignore: None }
                };
                let scale = f64s(&[5.0], [1], &device);
                let out = PairEmbeddings {
                    query,
                    aerial,
                    scale,
                };
                InfoNce { label_smoothing }.forward(&out, &mask)
            };
            let fixed = |side: usize, like: &Tensor<2>| f64s(&sides[side], [3, 2], &like.device());
            check_gradient(&sides[0], [3, 2], |q| {
                let aerial = fixed(1, &q);
                loss(q, aerial)
            });
            check_gradient(&sides[1], [3, 2], |a| {
                let query = fixed(0, &a);
                loss(query, a)
            });
            check_gradient(&[1.5], [1], |log_scale: Tensor<1>| {
                let device = log_scale.device();
                let rows = |side: usize| f64s(&sides[side], [3, 2], &device);
                let mask = ignoring(&[(0, 2)], &device);
                let out = PairEmbeddings {
                    query: rows(0),
                    aerial: rows(1),
                    scale: log_scale.exp(),
                };
                InfoNce { label_smoothing }.forward(&out, &mask)
            });
        }
    }
}

#[test]
fn a_scale_beyond_its_limit_is_set_back_and_still_has_a_gradient() {
    let device = Device::flex().autodiff();
    let beyond = Tensor::from_data([110f32.ln()], &device);
    let log_scale = limit_log_scale(Param::from_tensor(beyond));
    let value = log_scale.val().into_scalar::<f32>();
    assert!((f64::from(value) - MAX_SCALE.ln()).abs() < 1e-6, "{value}");
    let mut out = output(&device);
    out.scale = log_scale.val().exp();
    let loss = InfoNce::default().forward(&out, &PairMask { ignore: None });
    let gradient = log_scale.val().grad(&loss.backward()).unwrap();
    assert!(gradient.into_scalar::<f32>().abs() > 1e-3);
    // Below the limit nothing changes.
    let below = Param::from_tensor(Tensor::from_data([2f32], &device));
    let kept = limit_log_scale(below).val().into_scalar::<f32>();
    assert!((kept - 2.0).abs() < 1e-6);
}
