use burn::tensor::Device;

use super::*;
use crate::gradient_check::{check_gradient, f64s, unit_rows, value};

const LABELS: [u64; 6] = [0, 0, 1, 1, 1, 2];

/// The definition, anchor by anchor.
fn reference(rows: &[f64], config: MultiSimilarity) -> f64 {
    let s = |i: usize, j: usize| {
        (0..4)
            .map(|k| rows[4 * i + k] * rows[4 * j + k])
            .sum::<f64>()
    };
    let anchor = |i: usize| {
        let others = (0..6).filter(|&j| j != i);
        let (positive, negative): (Vec<usize>, Vec<usize>) =
            others.partition(|&j| LABELS[j] == LABELS[i]);
        let least = positive
            .iter()
            .map(|&j| s(i, j))
            .fold(f64::INFINITY, f64::min);
        let most = negative
            .iter()
            .map(|&j| s(i, j))
            .fold(f64::NEG_INFINITY, f64::max);
        let keep = |hard: bool| config.miner.is_none() || hard;
        let e = config.miner.unwrap_or(0.0);
        let positive: f64 = positive
            .iter()
            .filter(|&&j| keep(s(i, j) < most + e))
            .map(|&j| (-config.alpha * (s(i, j) - config.base)).exp())
            .sum();
        let negative: f64 = negative
            .iter()
            .filter(|&&j| keep(s(i, j) > least - e))
            .map(|&j| (config.beta * (s(i, j) - config.base)).exp())
            .sum();
        positive.ln_1p() / config.alpha + negative.ln_1p() / config.beta
    };
    (0..6).map(anchor).sum::<f64>() / 6.0
}

fn loss(config: MultiSimilarity, x: Tensor<2>) -> Tensor<1> {
    let pairs = PairRelations::from_labels(&LABELS, &x.device());
    config.forward(&Embedding(x), &pairs)
}

#[test]
fn equals_the_definition_with_and_without_the_miner() {
    let rows = unit_rows(6, 4, 11);
    for config in [
        MultiSimilarity::default(),
        MultiSimilarity {
            miner: None,
            ..MultiSimilarity::default()
        },
        MultiSimilarity {
            alpha: 2.0,
            beta: 10.0,
            base: 0.5,
            miner: Some(0.0),
        },
    ] {
        let found = value(loss(config, f64s(&rows, [6, 4], &Device::flex())));
        let expected = reference(&rows, config);
        assert!(
            (found - expected).abs() < 1e-10,
            "{config:?} {found} {expected}"
        );
    }
    let all = MultiSimilarity {
        miner: None,
        ..MultiSimilarity::default()
    };
    // The miner does leave pairs out.
    assert!(reference(&rows, MultiSimilarity::default()) < reference(&rows, all));
}

#[test]
fn gradients_equal_finite_differences() {
    let rows = unit_rows(6, 4, 11);
    check_gradient(&rows, [6, 4], |x| loss(MultiSimilarity::default(), x));
}

#[test]
fn a_batch_without_positives_has_no_loss_under_the_miner() {
    let rows = unit_rows(3, 4, 5);
    let x = f64s(&rows, [3, 4], &Device::flex());
    let pairs = PairRelations::from_labels(&[1, 2, 3], &Device::flex());
    let loss = MultiSimilarity::default().forward(&Embedding(x), &pairs);
    assert!(value(loss).abs() < 1e-12);
}
