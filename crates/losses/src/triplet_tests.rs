use burn::tensor::{Device, TensorData};

use super::*;
use crate::gradient_check::{check_gradient, f64s, unit_rows, value};

fn reference(query: &[f64], tiles: &[f64], alpha: f64, ignored: &[(usize, usize)]) -> f64 {
    let s = |i: usize, j: usize| {
        (0..3)
            .map(|k| query[3 * i + k] * tiles[3 * j + k])
            .sum::<f64>()
    };
    let (mut rows, mut columns, mut n) = (0.0, 0.0, 0.0);
    for i in 0..4 {
        for j in 0..4 {
            if i == j || ignored.contains(&(i, j)) || ignored.contains(&(j, i)) {
                continue;
            }
            let d = |s: f64| 2.0 - 2.0 * s;
            rows += (alpha * (d(s(i, i)) - d(s(i, j)))).exp().ln_1p();
            columns += (alpha * (d(s(j, j)) - d(s(i, j)))).exp().ln_1p();
            n += 1.0;
        }
    }
    if n == 0.0 {
        0.0
    } else {
        (rows + columns) / n / 2.0
    }
}

fn output(query: Tensor<2>, tiles: &[f64]) -> PairEmbeddings {
    let device = query.device();
    PairEmbeddings {
        query,
        aerial: f64s(tiles, [4, 3], &device),
        scale: f64s(&[1.0], [1], &device),
    }
}

#[test]
fn equals_the_definition_and_so_do_gradients() {
    let (query, tiles) = (unit_rows(4, 3, 21), unit_rows(4, 3, 22));
    let device = Device::flex();
    let none = PairMask { ignore: None };
    for alpha in [10.0, 1.0] {
        let loss = SoftMarginTriplet { alpha };
        let found = value(loss.forward(&output(f64s(&query, [4, 3], &device), &tiles), &none));
        let expected = reference(&query, &tiles, alpha, &[]);
        assert!((found - expected).abs() < 1e-10, "{found} {expected}");
    }
    check_gradient(&query, [4, 3], |q| {
        SoftMarginTriplet { alpha: 2.0 }.forward(&output(q, &tiles), &none)
    });
}

#[test]
fn ignored_pairs_take_no_part() {
    let (query, tiles) = (unit_rows(4, 3, 21), unit_rows(4, 3, 22));
    let device = Device::flex();
    let ignored = [(0, 1), (1, 0), (2, 3), (3, 2)];
    let mask: Vec<bool> = (0..16).map(|k| ignored.contains(&(k / 4, k % 4))).collect();
    let mask = PairMask {
        ignore: Some(Tensor::from_data(TensorData::new(mask, [4, 4]), &device)),
    };
    let x = output(f64s(&query, [4, 3], &device), &tiles);
    let found = value(SoftMarginTriplet::default().forward(&x, &mask));
    assert!((found - reference(&query, &tiles, 10.0, &ignored)).abs() < 1e-10);
}

#[test]
fn a_batch_of_one_has_no_loss() {
    let device = Device::flex();
    let row = || f64s(&[1.0, 0.0, 0.0], [1, 3], &device);
    let pair = PairEmbeddings {
        query: row(),
        aerial: row(),
        scale: f64s(&[1.0], [1], &device),
    };
    let loss = SoftMarginTriplet::default().forward(&pair, &PairMask { ignore: None });
    assert!(value(loss).abs() < 1e-12);
}
