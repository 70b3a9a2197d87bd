//! The weight of prototypes against aerial codes, found on validation queries.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Hit, Query, SearchError, VectorIndex};

/// Why no κ was found.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// There are no validation queries.
    #[error("κ needs validation queries, there are none")]
    NoQueries,
    /// The grid makes no sense.
    #[error(
        "the grid of κ must have 0 < smallest < largest, both finite, got {smallest} and {largest}"
    )]
    Grid {
        /// Smallest κ.
        smallest: f64,
        /// Largest κ.
        largest: f64,
    },
    /// A search failed.
    #[error("κ = {kappa}: {source}")]
    Search {
        /// The κ that was tried.
        kappa: f64,
        /// What went wrong.
        source: SearchError,
    },
}

/// How κ is looked for; the default is the grid 2^-4 to 2^4 in steps of a factor 2.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KappaSearch {
    /// Smallest κ of the grid.
    pub smallest: f64,
    /// Largest κ of the grid.
    pub largest: f64,
    /// Points of the grid, evenly spaced in the logarithm; at least 2.
    pub points: usize,
    /// Steps of golden-section search between the neighbours of the best point.
    pub refinements: usize,
    /// Rows looked at for the reciprocal rank.
    pub depth: usize,
}

impl Default for KappaSearch {
    fn default() -> Self {
        Self {
            smallest: 1.0 / 16.0,
            largest: 16.0,
            points: 9,
            refinements: 8,
            depth: 20,
        }
    }
}

/// What one κ achieves on the validation queries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KappaPoint {
    /// Weight of the prototypes; the aerial codes have weight 1.
    pub kappa: f64,
    /// Share of queries whose first row is right.
    pub recall: f64,
    /// Mean of 1 / rank of the first right row, 0 for none within the depth.
    pub reciprocal_rank: f64,
}

/// The κ that was found, and the way there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The best κ.
    pub best: KappaPoint,
    /// All κ that were tried, ascending; the first is 0, aerial codes alone.
    pub curve: Vec<KappaPoint>,
}

/// Finds the κ of highest recall at rank 1, ties broken by mean reciprocal rank, then by the smaller
/// κ: first on a logarithmic grid together with 0, then by golden section about its best point.
///
/// Recall is piecewise constant in κ, so that golden section alone would stop at the first plateau; the
/// grid finds the plateau, the reciprocal rank leads on it. `index` has two parts
/// ([`FusedIndex`](crate::FusedIndex)); `is_right(i, hit)` says whether a row answers query `i`.
/// Recall has the sampling error of the validation queries: with 500 of them, two points within 2 %
/// are the same.
///
/// # Errors
///
/// [`CalibrationError`] without queries, for a grid that makes no sense, and if a search fails.
pub fn calibrate_kappa(
    index: &dyn VectorIndex,
    queries: &[&[f32]],
    is_right: impl Fn(usize, &Hit) -> bool,
    search: &KappaSearch,
) -> Result<Calibration, CalibrationError> {
    let (low, high) = (search.smallest, search.largest);
    if queries.is_empty() {
        return Err(CalibrationError::NoQueries);
    }
    if !(low > 0.0 && low < high && high.is_finite()) {
        return Err(CalibrationError::Grid {
            smallest: low,
            largest: high,
        });
    }
    let evaluate = |kappa: f64| evaluate(index, queries, &is_right, kappa, search.depth);
    let mut curve = vec![evaluate(0.0)?];
    let steps = search.points.max(2) - 1;
    for i in 0..=steps {
        let share = i as f64 / steps as f64;
        curve.push(evaluate((low.ln() + share * (high / low).ln()).exp())?);
    }
    let at = best_of(&curve);
    // Around 0 there is nothing to refine: the grid's smallest κ was no better.
    if at > 0 {
        let edge = |i: usize| curve.get(i).map_or(low, |p| p.kappa).max(low).ln();
        let (mut a, mut b) = (edge(at - 1), edge((at + 1).min(curve.len() - 1)));
        let ratio = (5f64.sqrt() - 1.0) / 2.0;
        let (mut left, mut right) = (b - ratio * (b - a), a + ratio * (b - a));
        let (mut at_left, mut at_right) = (evaluate(left.exp())?, evaluate(right.exp())?);
        curve.extend([at_left, at_right]);
        for _ in 0..search.refinements {
            if is_better(&at_right, &at_left) {
                (a, left, at_left) = (left, right, at_right);
                right = a + ratio * (b - a);
                at_right = evaluate(right.exp())?;
                curve.push(at_right);
            } else {
                (b, right, at_right) = (right, left, at_left);
                left = b - ratio * (b - a);
                at_left = evaluate(left.exp())?;
                curve.push(at_left);
            }
        }
    }
    curve.sort_by(|p, q| p.kappa.total_cmp(&q.kappa));
    let best = curve.get(best_of(&curve)).copied();
    let best = best.ok_or(CalibrationError::NoQueries)?;
    Ok(Calibration { best, curve })
}

/// Position of the best point; the first of several equal ones.
fn best_of(curve: &[KappaPoint]) -> usize {
    let mut best = 0;
    for (i, point) in curve.iter().enumerate() {
        if curve.get(best).is_some_and(|b| is_better(point, b)) {
            best = i;
        }
    }
    best
}

fn is_better(a: &KappaPoint, b: &KappaPoint) -> bool {
    (a.recall, a.reciprocal_rank) > (b.recall, b.reciprocal_rank)
}

fn evaluate(
    index: &dyn VectorIndex,
    queries: &[&[f32]],
    is_right: &impl Fn(usize, &Hit) -> bool,
    kappa: f64,
    depth: usize,
) -> Result<KappaPoint, CalibrationError> {
    let asked: Vec<Query> = queries
        .iter()
        .map(|q| Query::new(q).weights(&[1.0, kappa as f32]).k(depth.max(1)))
        .collect();
    let answers = index
        .search_batch(&asked)
        .map_err(|source| CalibrationError::Search { kappa, source })?;
    let (mut first, mut reciprocal) = (0.0, 0.0);
    for (i, answer) in answers.iter().enumerate() {
        if let Some(at) = answer.hits.iter().position(|hit| is_right(i, hit)) {
            first += f64::from(u8::from(at == 0));
            reciprocal += 1.0 / (at + 1) as f64;
        }
    }
    let n = queries.len() as f64;
    Ok(KappaPoint {
        kappa,
        recall: first / n,
        reciprocal_rank: reciprocal / n,
    })
}

#[cfg(test)]
#[path = "calibrate_tests.rs"]
mod tests;
