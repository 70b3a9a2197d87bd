//! Is one method better than another on the same queries, or is it chance?

use serde::{Deserialize, Serialize};

use crate::error::{not_empty, same_length};
use crate::{Bootstrap, Measure, MetricError, SplitMix64, mean_measure};

/// Mean of `a − b` over the same queries with its paired-bootstrap interval: the queries are drawn, and both methods are
/// read on each.
///
/// # Errors
///
/// [`MetricError::Empty`], [`MetricError::Length`], [`MetricError::Value`] for a difference that is not finite,
/// [`MetricError::Setting`] for a bootstrap level outside (0, 1).
pub fn paired_difference(
    a: &[f64],
    b: &[f64],
    bootstrap: Bootstrap,
) -> Result<Measure, MetricError> {
    mean_measure(&differences(a, b)?, bootstrap)
}

/// Two-sided p-value of a difference as large as that of the means, when the sign of each query's difference is
/// flipped by a coin (Fisher's paired permutation test), estimated as (1 + hits) / (1 + permutations).
///
/// # Errors
///
/// As [`paired_difference`], and [`MetricError::Empty`] for no permutations.
pub fn permutation_test(
    a: &[f64],
    b: &[f64],
    permutations: usize,
    seed: u64,
) -> Result<f64, MetricError> {
    not_empty("permutations", permutations)?;
    let differences = differences(a, b)?;
    let observed = differences.iter().sum::<f64>().abs();
    // Sums that are equal but for the order of addition count as equally large.
    let margin = 1e-12 * differences.iter().map(|d| d.abs()).sum::<f64>();
    let mut rng = SplitMix64::new(seed);
    let mut hits = 0_usize;
    for _ in 0..permutations {
        let flipped: f64 = differences
            .iter()
            .map(|d| if rng.coin() { *d } else { -d })
            .sum();
        hits += usize::from(flipped.abs() >= observed - margin);
    }
    Ok((1 + hits) as f64 / (1 + permutations) as f64)
}

/// The counts and the exact two-sided p-value of a test whose null hypothesis is a fair coin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CoinTest {
    /// Queries on which the first method is ahead.
    pub first: usize,
    /// Queries on which the second is ahead.
    pub second: usize,
    /// Queries on which they are level; they do not enter the test.
    pub level: usize,
    /// Probability of counts as uneven as these, or more, if no method were better.
    pub p_value: f64,
}

impl CoinTest {
    fn new(first: usize, second: usize, level: usize) -> Self {
        Self {
            first,
            second,
            level,
            p_value: fair_coin_p_value(first, second),
        }
    }
}

/// Sign test: on how many queries does `a` exceed `b`, and the other way round.
///
/// # Errors
///
/// [`MetricError::Empty`], [`MetricError::Length`], [`MetricError::Value`] for a NaN.
pub fn sign_test(a: &[f64], b: &[f64]) -> Result<CoinTest, MetricError> {
    not_empty("a", a.len())?;
    same_length("b", b.len(), a.len())?;
    let (mut first, mut second) = (0, 0);
    for (row, (x, y)) in a.iter().zip(b).enumerate() {
        match x.partial_cmp(y) {
            Some(std::cmp::Ordering::Greater) => first += 1,
            Some(std::cmp::Ordering::Less) => second += 1,
            Some(std::cmp::Ordering::Equal) => {}
            None => {
                return Err(MetricError::Value {
                    what: "a or b",
                    row,
                    value: f64::NAN,
                    expected: "a number",
                });
            }
        }
    }
    Ok(CoinTest::new(first, second, a.len() - first - second))
}

/// The test of `McNemar` (1947) in its exact form: queries that only one of two methods has right.
///
/// # Errors
///
/// [`MetricError::Empty`], [`MetricError::Length`].
pub fn mcnemar_test(a: &[bool], b: &[bool]) -> Result<CoinTest, MetricError> {
    not_empty("a", a.len())?;
    same_length("b", b.len(), a.len())?;
    let only = |wanted: (bool, bool)| {
        a.iter()
            .zip(b)
            .filter(|(x, y)| (**x, **y) == wanted)
            .count()
    };
    let (first, second) = (only((true, false)), only((false, true)));
    Ok(CoinTest::new(first, second, a.len() - first - second))
}

fn differences(a: &[f64], b: &[f64]) -> Result<Vec<f64>, MetricError> {
    not_empty("a", a.len())?;
    same_length("b", b.len(), a.len())?;
    let differences: Vec<f64> = a.iter().zip(b).map(|(x, y)| x - y).collect();
    let mut rows = differences.iter().copied().enumerate();
    match rows.find(|(_, d)| !d.is_finite()) {
        Some((row, value)) => Err(MetricError::Value {
            what: "a - b",
            row,
            value,
            expected: "finite",
        }),
        None => Ok(differences),
    }
}

/// Two-sided p-value of `first` heads and `second` tails of a fair coin: twice the smaller tail, at most 1.
fn fair_coin_p_value(first: usize, second: usize) -> f64 {
    let n = first + second;
    let few = first.min(second);
    // ln C(n, i) − n ln 2, by the recurrence C(n, i) = C(n, i − 1) (n − i + 1) / i; the terms rise up to the middle.
    let mut ln_term = -(n as f64) * std::f64::consts::LN_2;
    let mut terms = vec![ln_term];
    for i in 1..=few {
        ln_term += ((n - i + 1) as f64 / i as f64).ln();
        terms.push(ln_term);
    }
    let tail: f64 = terms.iter().map(|t| (t - ln_term).exp()).sum();
    (2.0 * tail * ln_term.exp()).min(1.0)
}
