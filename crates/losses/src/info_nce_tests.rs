use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{Loss, PairEmbeddings};
use geoloc_geo_cells::LatLng;

use super::*;

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
            (1.0 - smoothing) * (log_sum - at(i, i)) + smoothing * spread / 3.0
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
fn gradients_equal_finite_differences() {
    let device = Device::flex().autodiff();
    let mask = PairMask { ignore: None };
    let values = QUERY.concat();
    let at = |values: &[f32]| {
        let query = Tensor::<2>::from_data(TensorData::new(values.to_vec(), [3, 2]), &device);
        (query.clone().require_grad(), output(&device))
    };
    let (query, mut out) = at(&values);
    out.query = query.clone();
    let gradients = InfoNce::default().forward(&out, &mask).backward();
    let gradient = query.grad(&gradients).unwrap();
    let gradient = gradient.try_into_vec_as::<f32>().unwrap();
    // f32: a step of 1e-2 keeps rounding and curvature both below 1e-3.
    for (i, &expected) in gradient.iter().enumerate() {
        let shifted = |step: f32| {
            let mut values = values.clone();
            values[i] += step;
            let (query, mut out) = at(&values);
            out.query = query;
            InfoNce::default().forward(&out, &mask).into_scalar::<f32>()
        };
        let numeric = (shifted(1e-2) - shifted(-1e-2)) / 2e-2;
        assert!((numeric - expected).abs() < 2e-3, "{numeric} {expected}");
    }
}
