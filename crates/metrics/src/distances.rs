//! Great-circle accuracy: shares within radii, median, mean, percentiles and `GeoScore`.

use geoloc_geo_cells::LatLng;
use serde::{Deserialize, Serialize};

use crate::error::{not_empty, same_length};
use crate::{Conventions, Measure, MetricError, quantile_sorted};

/// City, region, country and continent scale, in km (Vo, Jacobs and Hays 2017), with 50 km between the first two.
pub const STANDARD_RADII_KM: [f64; 5] = [25.0, 50.0, 200.0, 750.0, 2500.0];

/// The percentiles that a summary lists.
const PERCENTS: [f64; 6] = [5.0, 10.0, 25.0, 75.0, 90.0, 95.0];

/// Share of all queries that were located within a radius.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WithinRadius {
    /// The radius in km.
    pub radius_km: f64,
    /// Number of queries within it.
    pub hits: usize,
    /// `hits / n`, a fraction of 1.
    pub share: Measure,
}

/// A percentile of the error, failures counted as infinitely far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Percentile {
    /// Percent of the queries at or below it, in [0, 100].
    pub percent: f64,
    /// The error in km; `None` where it falls among the failures.
    pub km: Option<f64>,
}

/// Accuracy of predicted places against true ones.
///
/// Shares, percentiles, median and score are over all `n` queries: a failure is a miss, infinitely far, with score 0.
/// Only the mean, which one failure would make infinite, is over the `n - failures` located queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DistanceSummary {
    /// Number of queries, failures included.
    pub n: usize,
    /// Queries without a usable prediction.
    pub failures: usize,
    /// Shares within the radii asked for, in the order asked for.
    pub within: Vec<WithinRadius>,
    /// Median error in km; `None` where half or more failed.
    pub median_km: Option<Measure>,
    /// Mean error in km over the located queries; `None` where all failed.
    pub mean_km: Option<Measure>,
    /// 5th, 10th, 25th, 75th, 90th and 95th percentile of the error.
    pub percentiles: Vec<Percentile>,
    /// Mean `GeoScore`.
    pub geo_score: Measure,
}

/// Distance in km of each prediction from its truth; `None` stays `None`.
///
/// # Errors
///
/// [`MetricError::Length`] if the two lists differ in length.
pub fn distances_km(
    truth: &[LatLng],
    predicted: &[Option<LatLng>],
    conventions: &Conventions,
) -> Result<Vec<Option<f64>>, MetricError> {
    same_length("predicted", predicted.len(), truth.len())?;
    Ok(truth
        .iter()
        .zip(predicted)
        .map(|(t, p)| p.map(|p| conventions.distance.km(*t, p)))
        .collect())
}

impl DistanceSummary {
    /// Summary of predicted places; see [`from_distances`](Self::from_distances).
    ///
    /// # Errors
    ///
    /// As [`from_distances`](Self::from_distances), and [`MetricError::Length`] if the lists differ in length.
    pub fn from_places(
        truth: &[LatLng],
        predicted: &[Option<LatLng>],
        radii_km: &[f64],
        conventions: &Conventions,
    ) -> Result<Self, MetricError> {
        let distances = distances_km(truth, predicted, conventions)?;
        Self::from_distances(&distances, radii_km, conventions)
    }

    /// Summary of errors in km, one a query; `None`, NaN and +∞ are failures.
    ///
    /// # Errors
    ///
    /// [`MetricError::Empty`] without queries, [`MetricError::Value`] for a negative distance or a radius that is not
    /// a finite non-negative number, [`MetricError::Setting`] for conventions that cannot be computed with.
    pub fn from_distances(
        distances_km: &[Option<f64>],
        radii_km: &[f64],
        conventions: &Conventions,
    ) -> Result<Self, MetricError> {
        not_empty("distances", distances_km.len())?;
        conventions.check()?;
        check_radii(radii_km)?;
        let sorted = sorted_located(distances_km)?;
        let n = distances_km.len();
        let limits: Vec<usize> = radii_km
            .iter()
            .map(|r| sorted.partition_point(|d| conventions.comparison.holds(*d, *r)))
            .collect();
        let scores: Vec<f64> = sorted
            .iter()
            .map(|d| conventions.geo_score.score(*d))
            .collect();

        let mut drawn = Resampled::new(radii_km.len());
        conventions.bootstrap.for_each_resample(n, |counts| {
            drawn.push(counts, &sorted, &limits, &scores);
        });

        let measure = |value: f64, statistics: &mut Vec<f64>| Measure {
            value,
            interval: conventions.bootstrap.interval(statistics),
        };
        let within = radii_km
            .iter()
            .zip(&limits)
            .zip(&mut drawn.shares)
            .map(|((&radius_km, &hits), statistics)| WithinRadius {
                radius_km,
                hits,
                share: measure(hits as f64 / n as f64, statistics),
            })
            .collect();
        let mean = sorted.iter().sum::<f64>() / sorted.len() as f64;
        Ok(Self {
            n,
            failures: n - sorted.len(),
            within,
            median_km: quantile_sorted(&sorted, n, 0.5).map(|v| measure(v, &mut drawn.medians)),
            mean_km: (!sorted.is_empty()).then(|| measure(mean, &mut drawn.means)),
            percentiles: PERCENTS
                .iter()
                .map(|&percent| Percentile {
                    percent,
                    km: quantile_sorted(&sorted, n, percent / 100.0),
                })
                .collect(),
            geo_score: measure(scores.iter().sum::<f64>() / n as f64, &mut drawn.scores),
        })
    }

    /// The share within `radius_km`, if that radius was asked for.
    #[must_use]
    pub fn share_within(&self, radius_km: f64) -> Option<f64> {
        self.within
            .iter()
            .find(|w| w.radius_km.total_cmp(&radius_km).is_eq())
            .map(|w| w.share.value)
    }

    /// The radii of [`within`](Self::within), in km.
    #[must_use]
    pub fn radii_km(&self) -> Vec<f64> {
        self.within.iter().map(|w| w.radius_km).collect()
    }
}

/// Fails on a radius that is negative or not finite.
fn check_radii(radii_km: &[f64]) -> Result<(), MetricError> {
    match radii_km
        .iter()
        .enumerate()
        .find(|(_, r)| !(r.is_finite() && **r >= 0.0))
    {
        Some((row, &value)) => Err(MetricError::Value {
            what: "radii",
            row,
            value,
            expected: "a finite distance of at least 0 km",
        }),
        None => Ok(()),
    }
}

/// The finite distances in ascending order.
fn sorted_located(distances_km: &[Option<f64>]) -> Result<Vec<f64>, MetricError> {
    let mut sorted = Vec::with_capacity(distances_km.len());
    for (row, distance) in distances_km.iter().enumerate() {
        match *distance {
            Some(value) if value < 0.0 => {
                return Err(MetricError::Value {
                    what: "distances",
                    row,
                    value,
                    expected: "a distance of at least 0 km",
                });
            }
            Some(value) if value.is_finite() => sorted.push(value),
            _ => {}
        }
    }
    sorted.sort_unstable_by(f64::total_cmp);
    Ok(sorted)
}

/// The statistics of every resample.
struct Resampled {
    shares: Vec<Vec<f64>>,
    medians: Vec<f64>,
    means: Vec<f64>,
    scores: Vec<f64>,
}

impl Resampled {
    fn new(radii: usize) -> Self {
        Self {
            shares: vec![Vec::new(); radii],
            medians: Vec::new(),
            means: Vec::new(),
            scores: Vec::new(),
        }
    }

    /// Adds one resample, given how often each item was drawn: the first `sorted.len()` items are the located ones in
    /// ascending order, the others failures.
    fn push(&mut self, counts: &[u32], sorted: &[f64], limits: &[usize], scores: &[f64]) {
        let n = counts.len();
        let mut cumulative = Vec::with_capacity(sorted.len() + 1);
        cumulative.push(0_usize);
        let (mut drawn, mut sum_km, mut sum_score) = (0_usize, 0.0, 0.0);
        for ((&count, km), score) in counts.iter().zip(sorted).zip(scores) {
            drawn += count as usize;
            sum_km += f64::from(count) * km;
            sum_score += f64::from(count) * score;
            cumulative.push(drawn);
        }
        for (statistics, &limit) in self.shares.iter_mut().zip(limits) {
            // A limit past the end takes all.
            let hits = cumulative.get(limit).copied().unwrap_or(drawn);
            statistics.push(hits as f64 / n as f64);
        }
        self.means.push(if drawn == 0 {
            f64::INFINITY
        } else {
            sum_km / drawn as f64
        });
        self.scores.push(sum_score / n as f64);
        // The order statistic of rank k is the first item whose cumulative count exceeds k; past the located
        // items come the failures, which are infinitely far.
        let order = |k: usize| {
            let item = cumulative.partition_point(|&c| c <= k);
            sorted
                .get(item.wrapping_sub(1))
                .copied()
                .unwrap_or(f64::INFINITY)
        };
        let (low, high) = (order((n - 1) / 2), order(n / 2));
        self.medians.push(low + (high - low) / 2.0);
    }
}

#[cfg(test)]
#[path = "distances_tests.rs"]
mod tests;
