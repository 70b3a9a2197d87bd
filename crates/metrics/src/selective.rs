//! Risk against coverage: how much better are the answers that a method is surer of.

use serde::{Deserialize, Serialize};

use crate::MetricError;
use crate::error::{not_empty, same_length};

/// The risk of answering only the surest queries (El-Yaniv and Wiener 2010; Geifman and El-Yaniv 2017).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskCoverage {
    /// `risk[i]` is the mean loss of the `i + 1` surest queries, coverage `(i + 1) / n`.
    pub risk: Vec<f64>,
    /// Area under the curve: the mean of `risk`.
    pub area: f64,
    /// `area` less the area that the best possible order of the same losses has.
    pub excess_area: f64,
}

impl RiskCoverage {
    /// Orders queries by falling `confidence` and averages `loss` (1 for a miss and 0 for a hit, or km).
    ///
    /// Equal confidences share the mean of their losses, which is what a random order among them gives on average; the
    /// result does not depend on the order of the queries. A failed query belongs here with confidence −∞ and the loss of
    /// a miss.
    ///
    /// # Errors
    ///
    /// [`MetricError::Empty`], [`MetricError::Length`], [`MetricError::Value`] for a confidence that is NaN or a loss that
    /// is not finite.
    pub fn new(confidence: &[f64], loss: &[f64]) -> Result<Self, MetricError> {
        not_empty("confidence", confidence.len())?;
        same_length("loss", loss.len(), confidence.len())?;
        for (row, (&c, &l)) in confidence.iter().zip(loss).enumerate() {
            let (what, value) = if c.is_nan() {
                ("confidence", c)
            } else if l.is_finite() {
                continue;
            } else {
                ("loss", l)
            };
            return Err(MetricError::Value {
                what,
                row,
                value,
                expected: "a number",
            });
        }
        let mut pairs: Vec<(f64, f64)> = confidence
            .iter()
            .copied()
            .zip(loss.iter().copied())
            .collect();
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1)));
        let mut shared = Vec::with_capacity(pairs.len());
        for group in
            pairs.chunk_by(|a, b| a.0.partial_cmp(&b.0).is_some_and(std::cmp::Ordering::is_eq))
        {
            let mean = group.iter().map(|p| p.1).sum::<f64>() / group.len() as f64;
            shared.extend(std::iter::repeat_n(mean, group.len()));
        }
        let risk = running_means(&shared);
        let mut ideal = loss.to_vec();
        ideal.sort_by(f64::total_cmp);
        let area = mean(&risk);
        Ok(Self {
            excess_area: area - mean(&running_means(&ideal)),
            risk,
            area,
        })
    }

    /// Mean loss of the surest `coverage` of the queries, at least one; `None` outside (0, 1].
    #[must_use]
    pub fn risk_at(&self, coverage: f64) -> Option<f64> {
        if !(coverage > 0.0 && coverage <= 1.0) {
            return None;
        }
        let count = (coverage * self.risk.len() as f64).round() as usize;
        self.risk.get(count.saturating_sub(1)).copied()
    }
}

fn running_means(losses: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let means = losses.iter().enumerate().map(|(i, loss)| {
        sum += loss;
        sum / (i + 1) as f64
    });
    means.collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
