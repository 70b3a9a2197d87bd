use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::contract;

use super::tests::{close, number, scaled, values};
use super::{Whitening, WhiteningError};

#[test]
fn whitened_features_are_uncorrelated() {
    let device = Device::flex();
    let (n, width) = (200, 5);
    // Three independent directions and their sums.
    let rows: Vec<f32> = (0..n)
        .flat_map(|i| {
            let [a, b, c] = [1, 2, 3].map(|k| number(i * 7 * k + k) as f32);
            [a, 3.0 * b, c + a, a - b, 2.0 * c + 10.0]
        })
        .collect();
    let whitening = Whitening::fit(&rows, width, 3, &device).unwrap();
    let features = Tensor::from_data(TensorData::new(rows.clone(), [n, width]), &device);
    let raw = values(whitening.unscaled(features.clone()));
    for a in 0..3 {
        for b in 0..3 {
            let product: f64 = raw.chunks(3).map(|row| row[a] * row[b]).sum();
            let expected = if a == b { 1.0 } else { 0.0 };
            let found = product / (n - 1) as f64;
            assert!((found - expected).abs() < 1e-3, "{a} {b} {found}");
        }
        let mean = raw.iter().skip(a).step_by(3).sum::<f64>() / n as f64;
        assert!(mean.abs() < 1e-4);
    }
    let out = values(whitening.forward(features));
    assert!((out[..3].iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-5);
    assert_eq!(
        Whitening::fit(&rows, width, 4, &device).unwrap_err(),
        WhiteningError::Components {
            components: 4,
            spanned: 3
        }
    );
    let blank = Whitening::blank(width, 3, &device);
    contract::check_round_trip(whitening, blank).unwrap();
    let mut holes = rows;
    holes[7] = f32::NAN;
    assert!(matches!(
        Whitening::fit(&holes, width, 1, &device),
        Err(WhiteningError::NotFinite { row: 1, .. })
    ));
    assert!(matches!(
        Whitening::fit(&holes[..6], width, 1, &device),
        Err(WhiteningError::Shape {
            values: 6,
            width: 5
        })
    ));
}

/// Mean of the products of differences within pairs, `[width, width]`.
fn differences(rows: &[f64], width: usize, pairs: &[[usize; 2]]) -> Vec<f64> {
    let of = |i: usize, j: usize| -> f64 {
        let d = |p: &[usize; 2], c: usize| rows[p[0] * width + c] - rows[p[1] * width + c];
        pairs.iter().map(|p| d(p, i) * d(p, j)).sum::<f64>() / pairs.len() as f64
    };
    (0..width * width)
        .map(|k| of(k / width, k % width))
        .collect()
}

#[test]
fn pairs_differ_equally_in_all_directions_once_whitened() {
    let device = Device::flex();
    let (n, width) = (60, 4);
    let rows: Vec<f32> = (0..n)
        .flat_map(|i| {
            let [a, b, c, d] = [1, 2, 3, 5].map(|k| number(i * 7 * k + k) as f32);
            [a, 3.0 * b + a, c - 2.0 * a, 0.5 * d + b]
        })
        .collect();
    let pairs: Vec<[usize; 2]> = (0..n - 3).flat_map(|i| [[i, i + 1], [i + 3, i]]).collect();
    let features = Tensor::from_data(TensorData::new(rows.clone(), [n, width]), &device);
    for components in [4, 2] {
        let fitted = Whitening::fit_pairs(&rows, width, &pairs, 0.0, components, &device).unwrap();
        let raw = values(fitted.unscaled(features.clone()));
        for (k, found) in differences(&raw, components, &pairs).iter().enumerate() {
            let expected = if k % (components + 1) == 0 { 1.0 } else { 0.0 };
            assert!((found - expected).abs() < 1e-4, "{components} {k} {found}");
        }
        let mean = raw.iter().step_by(components).sum::<f64>() / n as f64;
        assert!(mean.abs() < 1e-4);
    }
    // Cut off is what varies least over all rows.
    let variance = |components: usize| -> f64 {
        let fitted = Whitening::fit_pairs(&rows, width, &pairs, 0.0, components, &device).unwrap();
        let raw = values(fitted.unscaled(features.clone()));
        raw.iter().map(|v| v * v).sum::<f64>() / (n - 1) as f64
    };
    let (one, two, four) = (variance(1), variance(2), variance(4));
    assert!(one > four / 4.0 && two > four / 2.0 && two < 2.0 * one + 1e-4);
    // Shrunk all the way it is the identity, up to a factor.
    let whole = Whitening::fit_pairs(&rows, width, &pairs, 1.0, width, &device).unwrap();
    let raw = values(whole.unscaled(features));
    let centre = |c: usize| rows.iter().skip(c).step_by(width).sum::<f32>() / n as f32;
    let factor = raw[0] / f64::from(rows[0] - centre(0));
    for (k, (found, &row)) in raw.iter().zip(&rows).enumerate() {
        let expected = factor * f64::from(row - centre(k % width));
        assert!(
            (found - expected).abs() < 1e-4 * (1.0 + expected.abs()),
            "{k}"
        );
    }
}

/// Pairs that differ by (2, 0) and (0, 1): `C` is diagonal, 4/2 and 1/2.
#[test]
fn a_whitening_from_pairs_equals_one_computed_by_hand() {
    let device = Device::flex();
    let rows = [0.0_f32, 0.0, 2.0, 0.0, 5.0, 3.0, 5.0, 4.0];
    let pairs = [[0, 1], [3, 2]];
    let (x, y) = (5.0 - 3.0, 4.0 - 7.0 / 4.0);
    let last = Tensor::from_data(TensorData::new(vec![5.0_f32, 4.0], [1, 2]), &device);
    for (shrinkage, [a, b]) in [(0.0_f64, [2.0_f64, 0.5]), (0.5, [1.625, 0.875])] {
        let fitted = Whitening::fit_pairs(&rows, 2, &pairs, shrinkage, 2, &device).unwrap();
        close(
            fitted.unscaled(last.clone()),
            &[x / a.sqrt(), y / b.sqrt()],
            1e-6,
        );
        let expected = scaled(&[x / a.sqrt(), y / b.sqrt()]);
        close(fitted.forward(last.clone()), &expected, 1e-6);
        contract::check_round_trip(fitted, Whitening::blank(2, 2, &device)).unwrap();
    }
}

#[test]
fn pairs_that_teach_nothing_are_refused() {
    let device = Device::flex();
    let rows = [0.0_f32, 0.0, 2.0, 0.0, 5.0, 3.0, 5.0, 4.0];
    let fit = |pairs: &[[usize; 2]], shrinkage, components| {
        Whitening::fit_pairs(&rows, 2, pairs, shrinkage, components, &device).map(|_| ())
    };
    assert_eq!(fit(&[], 0.5, 2), Err(WhiteningError::NoPairs));
    for [first, second] in [[0, 4], [9, 0], [1, 1]] {
        let (pair, rows) = (1, 4);
        let expected = WhiteningError::Pair {
            pair,
            first,
            second,
            rows,
        };
        assert_eq!(fit(&[[0, 1], [first, second]], 0.5, 2), Err(expected));
    }
    for value in [-0.1, 1.1] {
        let expected = WhiteningError::Shrinkage { value };
        assert_eq!(fit(&[[0, 1]], value, 2), Err(expected));
    }
    assert!(matches!(
        fit(&[[0, 1]], f64::NAN, 2),
        Err(WhiteningError::Shrinkage { .. })
    ));
    for components in [0, 3] {
        let spanned = 2;
        let expected = WhiteningError::Components {
            components,
            spanned,
        };
        assert_eq!(fit(&[[0, 1]], 0.5, components), Err(expected));
    }
    let expected = WhiteningError::Singular {
        spanned: 1,
        width: 2,
    };
    assert_eq!(fit(&[[0, 1]], 0.0, 2), Err(expected));
    assert_eq!(fit(&[[0, 1]], 0.1, 2), Ok(()));
    let same = [1.0_f32; 8];
    let found = Whitening::fit_pairs(&same, 2, &[[0, 1]], 0.5, 2, &device).map(|_| ());
    let expected = WhiteningError::Singular {
        spanned: 0,
        width: 2,
    };
    assert_eq!(found, Err(expected));
}
