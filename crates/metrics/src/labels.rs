//! Accuracy of names: country, region, city.

use serde::{Deserialize, Serialize};

use crate::error::{not_empty, same_length};
use crate::{Bootstrap, Measure, MetricError, mean_measure};

/// Share of queries whose name was told rightly, at one level such as country.
///
/// A query without a true name cannot be scored and is left out of `n`, so every level has its own `n`; a query with a
/// true name and no predicted one is a miss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LabelAccuracy {
    /// Queries with a true name.
    pub n: usize,
    /// Queries without a true name, left out.
    pub unlabelled: usize,
    /// Queries of `n` without a predicted name.
    pub failures: usize,
    /// Share of `n` with equal names; `None` where no query has a true name.
    pub accuracy: Option<Measure>,
}

impl LabelAccuracy {
    /// Compares names as they are: no case folding and no text that means "missing", so that `NA` stays Namibia.
    ///
    /// # Errors
    ///
    /// [`MetricError::Empty`], [`MetricError::Length`], [`MetricError::Setting`] for a bootstrap level outside (0, 1).
    ///
    /// # Examples
    ///
    /// ```
    /// use geoloc_metrics::{Bootstrap, LabelAccuracy};
    ///
    /// let truth = [Some("NA"), Some("FR"), None, Some("FR")];
    /// let predicted = [Some("NA"), Some("DE"), Some("DE"), None];
    /// let country = LabelAccuracy::new(&truth, &predicted, Bootstrap::off())?;
    /// assert_eq!((country.n, country.unlabelled, country.failures), (3, 1, 1));
    /// assert_eq!(country.accuracy.map(|a| a.value), Some(1.0 / 3.0));
    /// # Ok::<(), geoloc_metrics::MetricError>(())
    /// ```
    pub fn new<L: PartialEq>(
        truth: &[Option<L>],
        predicted: &[Option<L>],
        bootstrap: Bootstrap,
    ) -> Result<Self, MetricError> {
        not_empty("truth", truth.len())?;
        same_length("predicted", predicted.len(), truth.len())?;
        bootstrap.check()?;
        let mut hits = Vec::with_capacity(truth.len());
        let mut failures = 0;
        for (t, p) in truth.iter().zip(predicted) {
            let Some(t) = t else { continue };
            failures += usize::from(p.is_none());
            hits.push(f64::from(u8::from(p.as_ref() == Some(t))));
        }
        Ok(Self {
            n: hits.len(),
            unlabelled: truth.len() - hits.len(),
            failures,
            accuracy: if hits.is_empty() {
                None
            } else {
                Some(mean_measure(&hits, bootstrap)?)
            },
        })
    }
}
