//! Percentile bootstrap confidence intervals.

use serde::{Deserialize, Serialize};

use crate::error::not_empty;
use crate::{MetricError, SplitMix64, quantile_sorted};

/// More resamples than this are taken for a damaged file.
const MOST_RESAMPLES: usize = 1_000_000;

/// How confidence intervals are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Number of resamples; 0 switches intervals off.
    pub resamples: usize,
    /// Confidence level in (0, 1).
    pub level: f64,
    /// Seed of the random numbers: same seed, same interval.
    pub seed: u64,
}

impl Default for Bootstrap {
    /// 1,000 resamples, 95 %, seed 0.
    fn default() -> Self {
        Self {
            resamples: 1000,
            level: 0.95,
            seed: 0,
        }
    }
}

impl Bootstrap {
    /// No intervals.
    #[must_use]
    pub fn off() -> Self {
        Self {
            resamples: 0,
            ..Self::default()
        }
    }

    /// Fails unless the level lies in (0, 1) and there are at most [`MOST_RESAMPLES`].
    pub(crate) fn check(self) -> Result<(), MetricError> {
        if self.resamples > MOST_RESAMPLES {
            return Err(MetricError::Setting {
                name: "bootstrap resamples",
                value: self.resamples as f64,
                expected: "at most 1,000,000",
            });
        }
        if self.level > 0.0 && self.level < 1.0 {
            Ok(())
        } else {
            Err(MetricError::Setting {
                name: "bootstrap level",
                value: self.level,
                expected: "a number between 0 and 1",
            })
        }
    }

    /// The central interval of the resampled `statistics`; +∞ and NaN are sorted last and give an open end.
    ///
    /// Returns `None` where there are no resamples or the lower end is not finite.
    pub(crate) fn interval(self, statistics: &mut [f64]) -> Option<Interval> {
        for value in statistics.iter_mut() {
            if value.is_nan() {
                *value = f64::INFINITY;
            }
        }
        statistics.sort_unstable_by(f64::total_cmp);
        let finite = statistics.partition_point(|v| *v < f64::INFINITY);
        let sorted = statistics.get(..finite)?;
        let tail = (1.0 - self.level) / 2.0;
        Some(Interval {
            low: quantile_sorted(sorted, statistics.len(), tail)?,
            high: quantile_sorted(sorted, statistics.len(), 1.0 - tail),
        })
    }

    /// Interval of any statistic of `n` items, which is given how often each item was drawn, in their order.
    ///
    /// A statistic that is NaN or +∞ on a resample counts as +∞. Returns `None` where the bootstrap is off, `n` is 0 or the
    /// lower end is not finite.
    ///
    /// # Errors
    ///
    /// [`MetricError::Setting`] for a level outside (0, 1).
    ///
    /// # Examples
    ///
    /// The ratio of two sums:
    ///
    /// ```
    /// use geoloc_metrics::Bootstrap;
    ///
    /// let (hits, area) = ([3.0, 1.0, 2.0, 0.0], [2.0, 2.0, 1.0, 3.0]);
    /// let interval = Bootstrap::default().interval_of(4, |counts| {
    ///     let sum = |v: &[f64]| v.iter().zip(counts).map(|(v, &c)| v * f64::from(c)).sum::<f64>();
    ///     sum(&hits) / sum(&area)
    /// })?;
    /// assert!(interval.is_some_and(|i| i.low < 0.75 && i.high > Some(0.75)));
    /// # Ok::<(), geoloc_metrics::MetricError>(())
    /// ```
    pub fn interval_of(
        self,
        n: usize,
        mut statistic: impl FnMut(&[u32]) -> f64,
    ) -> Result<Option<Interval>, MetricError> {
        self.check()?;
        if n == 0 {
            return Ok(None);
        }
        let mut statistics = Vec::with_capacity(self.resamples);
        self.for_each_resample(n, |counts| statistics.push(statistic(counts)));
        Ok(self.interval(&mut statistics))
    }

    /// Resamples `n` items with replacement and calls `visit` with how often each was drawn.
    ///
    /// The draws depend on `n` and the seed alone, so that all statistics of one summary see the same resamples.
    pub(crate) fn for_each_resample(self, n: usize, mut visit: impl FnMut(&[u32])) {
        let mut rng = SplitMix64::new(self.seed);
        let mut counts = vec![0_u32; n];
        for _ in 0..self.resamples {
            counts.fill(0);
            for _ in 0..n {
                if let Some(count) = counts.get_mut(rng.below(n)) {
                    *count += 1;
                }
            }
            visit(&counts);
        }
    }
}

/// A confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end; `None` where it is unbounded, as for a median that reaches into the failures.
    pub high: Option<f64>,
}

/// A number with its confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// The value on the whole set.
    pub value: f64,
    /// Bootstrap interval, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

/// Mean of `values` with its percentile-bootstrap interval (Efron 1979).
///
/// # Errors
///
/// [`MetricError::Empty`] for no values, [`MetricError::Value`] for one that is not finite,
/// [`MetricError::Setting`] for a level outside (0, 1).
///
/// # Examples
///
/// ```
/// use geoloc_metrics::{Bootstrap, mean_measure};
///
/// let hits = [1.0, 1.0, 0.0, 1.0];
/// let share = mean_measure(&hits, Bootstrap::default())?;
/// assert_eq!(share.value, 0.75);
/// assert!(share.interval.is_some_and(|i| i.low <= 0.75 && i.high >= Some(0.75)));
/// # Ok::<(), geoloc_metrics::MetricError>(())
/// ```
pub fn mean_measure(values: &[f64], bootstrap: Bootstrap) -> Result<Measure, MetricError> {
    not_empty("values", values.len())?;
    if let Some((row, &value)) = values.iter().enumerate().find(|(_, v)| !v.is_finite()) {
        return Err(MetricError::Value {
            what: "values",
            row,
            value,
            expected: "finite",
        });
    }
    let n = values.len() as f64;
    let interval = bootstrap.interval_of(values.len(), |counts| {
        let drawn = values.iter().zip(counts);
        drawn.map(|(v, &c)| v * f64::from(c)).sum::<f64>() / n
    })?;
    Ok(Measure {
        value: values.iter().sum::<f64>() / n,
        interval,
    })
}
