//! Temperature scaling.

use serde::{Deserialize, Serialize};

use crate::error::not_empty;
use crate::{MetricError, ScoreTable};

/// The temperature that makes the probabilities of a model fit its validation set best.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Temperature {
    /// Divide logits by this before the softmax: above 1 for an overconfident model.
    pub temperature: f64,
    /// Mean negative log-likelihood in nats at temperature 1.
    pub nll_before: f64,
    /// The same at the fitted temperature.
    pub nll_after: f64,
}

/// Temperatures searched, 0.01 to 100.
const LN_RANGE: f64 = 4.605_170_185_988_092;

impl Temperature {
    /// Minimises the negative log-likelihood (Guo, Pleiss, Sun and Weinberger 2017, section 4.2) by golden-section search.
    ///
    /// The loss is convex in 1/T, so it has one minimum; where it lies at the end of [0.01, 100] (all answers right or all
    /// wrong), the result is that end.
    ///
    /// # Errors
    ///
    /// [`MetricError::Length`] and [`MetricError::Index`] for truths that do not fit the table.
    pub fn fit(logits: ScoreTable, truth: &[usize]) -> Result<Self, MetricError> {
        // Checks the truths; from here on every row has its true logit.
        let rows: Vec<(&[f64], f64)> = logits
            .rows_with_truth(truth)?
            .map(|(row, _, logit)| (row, logit))
            .collect();
        let nll = |beta: f64| {
            let row = |(row, truth): &(&[f64], f64)| log_sum_exp(row, beta) - beta * truth;
            rows.iter().map(row).sum::<f64>() / rows.len().max(1) as f64
        };
        Ok(Self::minimise(nll))
    }

    /// As [`fit`](Self::fit), for queries of which several candidates may be right, such as the photos of one place, and
    /// that need not have equally many: each is its scores and the positions of those that are right. The likelihood is that
    /// of all that are right together.
    ///
    /// This loss may have several minima; the search begins at the lowest of 93 points.
    ///
    /// # Errors
    ///
    /// [`MetricError::Empty`] for a query without a right candidate, [`MetricError::Index`] for a position that is none,
    /// [`MetricError::Value`] for a score that is not finite.
    pub fn fit_sets(queries: &[(&[f64], &[usize])]) -> Result<Self, MetricError> {
        let mut rows = Vec::with_capacity(queries.len());
        for (row, &(scores, right)) in queries.iter().enumerate() {
            not_empty("right candidates", right.len())?;
            if let Some(&value) = scores.iter().find(|s| !s.is_finite()) {
                return Err(MetricError::Value {
                    what: "scores",
                    row,
                    value,
                    expected: "finite",
                });
            }
            let own = right.iter().map(|&index| {
                let found = scores.get(index).copied();
                found.ok_or(MetricError::Index {
                    what: "right candidates",
                    row,
                    index,
                    bound: scores.len(),
                })
            });
            rows.push((scores, own.collect::<Result<Vec<f64>, _>>()?));
        }
        let nll = |beta: f64| {
            let row =
                |(all, own): &(&[f64], Vec<f64>)| log_sum_exp(all, beta) - log_sum_exp(own, beta);
            rows.iter().map(row).sum::<f64>() / rows.len().max(1) as f64
        };
        Ok(Self::minimise(nll))
    }

    /// The lowest point of a loss over β = 1 / T.
    fn minimise(nll: impl Fn(f64) -> f64) -> Self {
        let at = |ln_t: f64| nll((-ln_t).exp());
        // Ten points for each factor e of the temperature.
        let points = (0..=92).map(|k| LN_RANGE * (f64::from(k) / 46.0 - 1.0));
        let coarse = points
            .min_by(|a, b| at(*a).total_cmp(&at(*b)))
            .unwrap_or(0.0);
        let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
        let step = LN_RANGE / 46.0;
        let (mut low, mut high) = (
            (coarse - step).max(-LN_RANGE),
            (coarse + step).min(LN_RANGE),
        );
        let (mut a, mut b) = (high - golden * (high - low), low + golden * (high - low));
        let (mut at_a, mut at_b) = (at(a), at(b));
        // 50 steps narrow the range by 0.618^50 to 7e-12.
        for _ in 0..50 {
            if at_a <= at_b {
                (high, b, at_b) = (b, a, at_a);
                a = high - golden * (high - low);
                at_a = at(a);
            } else {
                (low, a, at_a) = (a, b, at_b);
                b = low + golden * (high - low);
                at_b = at(b);
            }
        }
        let best = f64::midpoint(low, high);
        Self {
            temperature: best.exp(),
            nll_before: at(0.0),
            nll_after: at(best),
        }
    }
}

/// `log Σ exp(β z)`.
fn log_sum_exp(row: &[f64], beta: f64) -> f64 {
    let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mass: f64 = row.iter().map(|z| (beta * (z - top)).exp()).sum();
    mass.ln() + beta * top
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_one_are_the_plain_fit_and_twins_share_their_probability() {
        // Right with 0.9, 0.8, 0.6 of ten each, stated twice as sharply.
        let mut table = Vec::new();
        let mut truth = Vec::new();
        for (p, right) in [(0.9_f64, 9), (0.8, 8), (0.6, 6)] {
            for k in 0..10 {
                table.extend([0.0, 2.0 * (p / (1.0 - p)).ln()]);
                truth.push(usize::from(k < right));
            }
        }
        let plain = Temperature::fit(ScoreTable::scores(&table, 2).unwrap(), &truth).unwrap();
        assert!((plain.temperature - 2.0).abs() < 1e-6, "{plain:?}");
        let rights: Vec<[usize; 1]> = truth.iter().map(|&t| [t]).collect();
        let rows = table.chunks(2).zip(&rights);
        let queries: Vec<(&[f64], &[usize])> = rows.map(|(row, right)| (row, &right[..])).collect();
        assert_eq!(Temperature::fit_sets(&queries).unwrap(), plain);
        // Every candidate there twice, both right or both wrong: the same temperature.
        let twice: Vec<Vec<f64>> = table
            .chunks(2)
            .map(|r| vec![r[0], r[1], r[0], r[1]])
            .collect();
        let rights: Vec<[usize; 2]> = truth.iter().map(|&t| [t, t + 2]).collect();
        let rows = twice.iter().zip(&rights);
        let queries: Vec<(&[f64], &[usize])> =
            rows.map(|(row, right)| (&row[..], &right[..])).collect();
        let twins = Temperature::fit_sets(&queries).unwrap();
        assert!((twins.temperature - 2.0).abs() < 1e-6, "{twins:?}");
        for (scores, right) in [(&[1.0][..], &[][..]), (&[1.0], &[1]), (&[f64::NAN], &[0])] {
            assert!(Temperature::fit_sets(&[(scores, right)]).is_err());
        }
    }
}
