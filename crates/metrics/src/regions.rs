//! Regions instead of points: prediction density, conformal regions, recall against area.

use geoloc_geo_cells::Candidate;
use serde::{Deserialize, Serialize};

use crate::error::{not_empty, same_length};
use crate::{Conventions, MetricError, quantile_sorted};

/// Probability of the candidates within `radius_km` of the most probable one, a measure of how concentrated an estimate
/// is; `None` without candidates. Of equally probable candidates the first is the centre. Candidates whose
/// probability is not finite are passed over.
#[must_use]
pub fn prediction_density(
    candidates: &[Candidate],
    radius_km: f64,
    conventions: &Conventions,
) -> Option<f64> {
    let valid = || candidates.iter().filter(|c| c.probability.is_finite());
    let mut best = valid().next()?;
    for candidate in valid() {
        if candidate.probability > best.probability {
            best = candidate;
        }
    }
    let near = valid().filter(|c| {
        let km = conventions.distance.km(best.location, c.location);
        conventions.comparison.holds(km, radius_km)
    });
    Some(near.map(|c| c.probability).sum())
}

/// The conformity score of a cell: the probability of all cells ranked above it (adaptive prediction sets, Romano,
/// Sesia and Candès 2020, without randomisation). Equal probabilities rank by index.
///
/// # Errors
///
/// [`MetricError::Index`] for a cell that does not exist, [`MetricError::Value`] for a probability that is negative or
/// not finite.
pub fn conformity_score(probabilities: &[f64], cell: usize) -> Result<f64, MetricError> {
    check_probabilities(probabilities)?;
    let own = *probabilities.get(cell).ok_or(MetricError::Index {
        what: "cell",
        row: 0,
        index: cell,
        bound: probabilities.len(),
    })?;
    let above = probabilities
        .iter()
        .enumerate()
        .filter(|&(i, p)| *p > own || (i < cell && p.total_cmp(&own).is_eq()));
    Ok(above.map(|(_, p)| p).sum())
}

/// Fails on a probability that is negative or not finite.
fn check_probabilities(probabilities: &[f64]) -> Result<(), MetricError> {
    let bad = |(_, p): &(usize, &f64)| !(p.is_finite() && **p >= 0.0);
    match probabilities.iter().enumerate().find(bad) {
        Some((row, &value)) => Err(MetricError::Value {
            what: "probabilities",
            row,
            value,
            expected: "a finite number of at least 0",
        }),
        None => Ok(()),
    }
}

/// A threshold that makes regions cover the truth with a chosen probability.
///
/// The promise holds for queries exchangeable with the calibration set; where queries come from other areas than it, the
/// coverage is optimistic.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Conformal {
    /// A cell belongs to the region if the probability ranked above it is at most this.
    pub threshold: f64,
    /// Wanted coverage in (0, 1).
    pub coverage: f64,
}

impl Conformal {
    /// Takes the ⌈(n + 1) · coverage⌉-th smallest [`conformity_score`] of the truths of a calibration set; where that is
    /// beyond the last, the set is too small for the coverage and the region is everything (threshold 1).
    ///
    /// # Errors
    ///
    /// [`MetricError::Empty`], [`MetricError::Value`] for a NaN score, [`MetricError::Setting`] for a coverage outside
    /// (0, 1).
    pub fn fit(scores: &[f64], coverage: f64) -> Result<Self, MetricError> {
        not_empty("scores", scores.len())?;
        if !(coverage > 0.0 && coverage < 1.0) {
            return Err(MetricError::Setting {
                name: "coverage",
                value: coverage,
                expected: "a number between 0 and 1",
            });
        }
        if let Some(row) = scores.iter().position(|s| s.is_nan()) {
            return Err(MetricError::Value {
                what: "scores",
                row,
                value: f64::NAN,
                expected: "a number",
            });
        }
        let mut sorted = scores.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        // Whole products such as 10 · 0.9 may come out a rounding above themselves.
        let rank = ((sorted.len() + 1) as f64 * coverage - 1e-9).ceil() as usize;
        // Beyond the last, the region is everything.
        let threshold = sorted.get(rank.saturating_sub(1)).copied().unwrap_or(1.0);
        Ok(Self {
            threshold,
            coverage,
        })
    }

    /// The cells of the region, most probable first; never empty unless there are no cells.
    ///
    /// # Errors
    ///
    /// [`MetricError::Value`] for a probability that is negative or not finite.
    pub fn region(&self, probabilities: &[f64]) -> Result<Vec<usize>, MetricError> {
        check_probabilities(probabilities)?;
        let mut order: Vec<usize> = (0..probabilities.len()).collect();
        let p = |i: &usize| probabilities[*i];
        order.sort_by(|a, b| p(b).total_cmp(&p(a)).then(a.cmp(b)));
        let mut above = 0.0;
        // The margin lets sums that differ by the order of addition agree.
        let region = order.into_iter().take_while(|i| {
            let inside = above <= self.threshold + 1e-12;
            above += p(i);
            inside
        });
        Ok(region.collect())
    }
}

/// The area that has to be searched before the truth is found, for one query: cells in the order of their density
/// (probability by area), up to and with the true one. Cells of equal density count as searched before it.
///
/// # Errors
///
/// [`MetricError::Length`], [`MetricError::Index`], [`MetricError::Value`] for an area that is not a positive number
/// or a probability that is negative or not finite.
pub fn area_to_truth_km2(
    probabilities: &[f64],
    areas_km2: &[f64],
    cell: usize,
) -> Result<f64, MetricError> {
    same_length("areas", areas_km2.len(), probabilities.len())?;
    check_probabilities(probabilities)?;
    if let Some((row, &value)) = areas_km2
        .iter()
        .enumerate()
        .find(|(_, a)| !(a.is_finite() && **a > 0.0))
    {
        return Err(MetricError::Value {
            what: "areas",
            row,
            value,
            expected: "a positive number of km²",
        });
    }
    let density = |i: usize| Some(probabilities.get(i)? / areas_km2.get(i)?);
    let own = density(cell).ok_or(MetricError::Index {
        what: "cell",
        row: 0,
        index: cell,
        bound: probabilities.len(),
    })?;
    let searched = areas_km2
        .iter()
        .enumerate()
        .filter(|&(i, _)| i == cell || density(i).is_some_and(|d| d >= own));
    Ok(searched.map(|(_, a)| a).sum())
}

/// Recall against searched area (as in the evaluation of arXiv 2407.13862).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecallVsArea {
    /// Number of queries, failures included.
    pub n: usize,
    /// Queries whose truth lies in no cell.
    pub failures: usize,
    /// Areas in km² to the truth of the others, ascending.
    pub areas_km2: Vec<f64>,
}

impl RecallVsArea {
    /// Collects [`area_to_truth_km2`] of every query; `None` is a failure: never found.
    ///
    /// # Errors
    ///
    /// [`MetricError::Empty`]; [`MetricError::Value`] for an area that is negative or NaN.
    pub fn new(areas_km2: &[Option<f64>]) -> Result<Self, MetricError> {
        not_empty("areas", areas_km2.len())?;
        for (row, value) in areas_km2.iter().enumerate() {
            if let Some(value) = value.filter(|a| a.is_nan() || *a < 0.0) {
                return Err(MetricError::Value {
                    what: "areas",
                    row,
                    value,
                    expected: "at least 0 km²",
                });
            }
        }
        let mut sorted: Vec<f64> = areas_km2.iter().flatten().copied().collect();
        sorted.retain(|a| a.is_finite());
        sorted.sort_unstable_by(f64::total_cmp);
        Ok(Self {
            n: areas_km2.len(),
            failures: areas_km2.len() - sorted.len(),
            areas_km2: sorted,
        })
    }

    /// Share of all queries whose truth is found within `area_km2`.
    #[must_use]
    pub fn recall_at(&self, area_km2: f64) -> f64 {
        self.areas_km2.partition_point(|a| *a <= area_km2) as f64 / self.n as f64
    }

    /// Area in km² that finds the share `recall` of all queries; `None` where failures stand in the way.
    #[must_use]
    pub fn area_at(&self, recall: f64) -> Option<f64> {
        quantile_sorted(&self.areas_km2, self.n, recall)
    }
}
