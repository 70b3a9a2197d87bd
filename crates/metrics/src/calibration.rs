//! Do probabilities mean what they say: expected calibration error, Brier score, log loss.

use serde::{Deserialize, Serialize};

use crate::error::{not_empty, same_length};
use crate::{MetricError, ScoreTable};

/// The customary number of bins.
pub const CALIBRATION_BINS: usize = 15;

/// More bins than this are taken for a mistake.
const MOST_BINS: usize = 10_000;

/// One bin of a reliability diagram.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Lower end, excluded except at 0.
    pub lower: f64,
    /// Upper end, included.
    pub upper: f64,
    /// Answers in the bin.
    pub count: usize,
    /// Their mean confidence; 0 for an empty bin.
    pub confidence: f64,
    /// The share of them that is right; 0 for an empty bin.
    pub accuracy: f64,
}

/// Reliability of confidences in bins of equal width (Guo, Pleiss, Sun and Weinberger 2017, equations 3 and 5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// Expected calibration error: mean gap between confidence and accuracy, bins weighted by count.
    pub expected_error: f64,
    /// Largest gap of a bin that is not empty.
    pub maximum_error: f64,
    /// The bins, from 0 to 1.
    pub bins: Vec<ReliabilityBin>,
}

impl Reliability {
    /// Bins the confidence of each answer with whether it was right. What "right" means (the cell, within 200 km, ...) is
    /// the caller's choice; a failed query has confidence 0 and is wrong.
    ///
    /// # Errors
    ///
    /// [`MetricError::Empty`] for no answers, [`MetricError::Setting`] unless there are 1 to 10,000 bins, [`MetricError::Length`], [`MetricError::Value`] for a confidence
    /// outside [0, 1].
    pub fn new(confidence: &[f64], right: &[bool], bins: usize) -> Result<Self, MetricError> {
        not_empty("confidence", confidence.len())?;
        if !(1..=MOST_BINS).contains(&bins) {
            return Err(MetricError::Setting {
                name: "bins",
                value: bins as f64,
                expected: "between 1 and 10,000",
            });
        }
        same_length("right", right.len(), confidence.len())?;
        let mut sums = vec![(0_usize, 0.0, 0_usize); bins];
        for (row, (&c, &r)) in confidence.iter().zip(right).enumerate() {
            if !(0.0..=1.0).contains(&c) {
                return Err(MetricError::Value {
                    what: "confidence",
                    row,
                    value: c,
                    expected: "in [0, 1]",
                });
            }
            if let Some((count, sum, hits)) = sums.get_mut(bin_of(c, bins)) {
                *count += 1;
                *sum += c;
                *hits += usize::from(r);
            }
        }
        let n = confidence.len() as f64;
        let mut reliability = Self {
            expected_error: 0.0,
            maximum_error: 0.0,
            bins: Vec::with_capacity(bins),
        };
        for (i, (count, sum, hits)) in sums.into_iter().enumerate() {
            let size = count.max(1) as f64;
            let bin = ReliabilityBin {
                lower: i as f64 / bins as f64,
                upper: (i + 1) as f64 / bins as f64,
                count,
                confidence: sum / size,
                accuracy: hits as f64 / size,
            };
            let gap = (bin.confidence - bin.accuracy).abs();
            reliability.expected_error += gap * count as f64 / n;
            reliability.maximum_error = reliability.maximum_error.max(gap);
            reliability.bins.push(bin);
        }
        Ok(reliability)
    }
}

/// The bin (i / bins, (i + 1) / bins] of a confidence in [0, 1]; 0 lies in the first.
fn bin_of(confidence: f64, bins: usize) -> usize {
    let edge = |i: usize| i as f64 / bins as f64;
    let mut bin = ((confidence * bins as f64) as usize).min(bins - 1);
    // The product may be off by a rounding; the edges as written decide.
    while bin > 0 && confidence <= edge(bin) {
        bin -= 1;
    }
    while bin + 1 < bins && confidence > edge(bin + 1) {
        bin += 1;
    }
    bin
}

/// Brier score: mean over queries of Σ over classes (p − y)² (Brier 1950), in [0, 2].
///
/// Twice the two-class form that counts one class only. A failed query should be given the uniform distribution.
///
/// # Errors
///
/// [`MetricError::Length`] and [`MetricError::Index`] for truths that do not fit the table.
pub fn brier_score(probabilities: ScoreTable, truth: &[usize]) -> Result<f64, MetricError> {
    let sum: f64 = probabilities
        .rows_with_truth(truth)?
        .map(|(row, _, p)| row.iter().map(|q| q * q).sum::<f64>() - 2.0 * p + 1.0)
        .sum();
    Ok(sum / probabilities.queries() as f64)
}

/// Mean negative log probability of the true class, in nats.
///
/// A true class of probability below 2.2e-16 counts as that much, as in scikit-learn, so that one such query does not
/// make the mean infinite.
///
/// # Errors
///
/// [`MetricError::Length`] and [`MetricError::Index`] for truths that do not fit the table.
pub fn log_loss(probabilities: ScoreTable, truth: &[usize]) -> Result<f64, MetricError> {
    let sum: f64 = probabilities
        .rows_with_truth(truth)?
        .map(|(_, _, p)| -p.max(f64::EPSILON).ln())
        .sum();
    Ok(sum / probabilities.queries() as f64)
}
