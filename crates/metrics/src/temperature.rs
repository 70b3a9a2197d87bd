//! Temperature scaling.

use serde::{Deserialize, Serialize};

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
        let nll = |ln_t: f64| mean_nll(&rows, (-ln_t).exp());
        let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
        let (mut low, mut high) = (-LN_RANGE, LN_RANGE);
        let (mut a, mut b) = (high - golden * (high - low), low + golden * (high - low));
        let (mut at_a, mut at_b) = (nll(a), nll(b));
        // 60 steps narrow the range by 0.618^60 to 3e-12.
        for _ in 0..60 {
            if at_a <= at_b {
                (high, b, at_b) = (b, a, at_a);
                a = high - golden * (high - low);
                at_a = nll(a);
            } else {
                (low, a, at_a) = (a, b, at_b);
                b = low + golden * (high - low);
                at_b = nll(b);
            }
        }
        let best = f64::midpoint(low, high);
        Ok(Self {
            temperature: best.exp(),
            nll_before: nll(0.0),
            nll_after: nll(best),
        })
    }
}

/// Mean of `log Σ exp(β z) − β z_true`.
fn mean_nll(rows: &[(&[f64], f64)], beta: f64) -> f64 {
    let mut sum = 0.0;
    for (row, truth) in rows {
        let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mass: f64 = row.iter().map(|z| (beta * (z - top)).exp()).sum();
        sum += mass.ln() + beta * (top - truth);
    }
    sum / rows.len().max(1) as f64
}
