//! Top-k accuracy and average precision.

use crate::error::not_empty;
use crate::{MetricError, Rank, ScoreTable, TiePolicy};

/// Share of the queries whose true class is among the `k` best scores.
///
/// # Errors
///
/// [`MetricError::Length`] if `truth` and the table differ, [`MetricError::Index`] for a class out of range.
///
/// # Examples
///
/// ```
/// use geoloc_metrics::{ScoreTable, TiePolicy, top_k_accuracy};
///
/// let constant = ScoreTable::scores(&[0.5, 0.5, 0.5, 0.5], 2)?;
/// assert_eq!(top_k_accuracy(constant, &[0, 1], 1, TiePolicy::Pessimistic)?, 0.0);
/// assert_eq!(top_k_accuracy(constant, &[0, 1], 1, TiePolicy::Optimistic)?, 1.0);
/// # Ok::<(), geoloc_metrics::MetricError>(())
/// ```
pub fn top_k_accuracy(
    scores: ScoreTable,
    truth: &[usize],
    k: usize,
    ties: TiePolicy,
) -> Result<f64, MetricError> {
    let hits = scores
        .rows_with_truth(truth)?
        .filter_map(|(row, t, _)| Rank::from_scores(row, t))
        .filter(|rank| rank.position(ties) <= k)
        .count();
    Ok(hits as f64 / scores.queries() as f64)
}

/// Average precision at `k` of one ranked list: the sum of the precisions at each relevant item among the first `k`,
/// divided by `min(relevant, k)`, the most that could be there (as in Mapillary SLS).
///
/// `ranked` tells for each item, best first, whether it is relevant; `relevant` is the number of relevant items in the
/// whole gallery. Returns `None` where there is none: whether such queries are dropped or count as 0 is the choice of the
/// caller, to be stated with the result. `k = usize::MAX` gives the average precision of the full list.
#[must_use]
pub fn average_precision_at(ranked: &[bool], relevant: usize, k: usize) -> Option<f64> {
    let most = relevant.min(k);
    if most == 0 {
        return None;
    }
    let mut found = 0_usize;
    let mut sum = 0.0;
    for (i, _) in ranked.iter().take(k).enumerate().filter(|(_, r)| **r) {
        found += 1;
        sum += found as f64 / (i + 1) as f64;
    }
    Some(sum / most as f64)
}

/// What happens to queries that have no relevant item in the gallery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoPositives {
    /// They count as misses.
    Miss,
    /// They are left out of the mean and of its `n`.
    Drop,
}

/// Mean over queries of a value that queries without relevant items lack, with the number of queries it is over.
///
/// # Errors
///
/// [`MetricError::Empty`] where no query is left.
///
/// # Examples
///
/// ```
/// use geoloc_metrics::{NoPositives, average_precision_at, mean_over_queries};
///
/// let queries = [
///     average_precision_at(&[true, false, true], 2, 3),
///     average_precision_at(&[false, false, false], 0, 3),
/// ];
/// let (map, n) = mean_over_queries(&queries, NoPositives::Drop)?;
/// assert!((map - 5.0 / 6.0).abs() < 1e-12 && n == 1);
/// assert_eq!(mean_over_queries(&queries, NoPositives::Miss)?.1, 2);
/// # Ok::<(), geoloc_metrics::MetricError>(())
/// ```
pub fn mean_over_queries(
    values: &[Option<f64>],
    no_positives: NoPositives,
) -> Result<(f64, usize), MetricError> {
    let n = match no_positives {
        NoPositives::Miss => values.len(),
        NoPositives::Drop => values.iter().flatten().count(),
    };
    not_empty("queries with relevant items", n)?;
    Ok((values.iter().flatten().sum::<f64>() / n as f64, n))
}
