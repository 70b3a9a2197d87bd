//! Recall@k, recall@1 % and mean reciprocal rank of a retrieval run, with intervals.

use serde::{Deserialize, Serialize};

use crate::error::not_empty;
use crate::{Conventions, Measure, MetricError, Rank, mean_measure, quantile_sorted};

/// Share of all queries whose true item is among the first `k`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RecallAt {
    /// How many answers are looked at.
    pub k: usize,
    /// The share, a fraction of 1.
    pub share: Measure,
}

/// Accuracy of a ranking over a gallery; failures are misses with reciprocal rank 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetrievalSummary {
    /// Number of queries, failures included.
    pub n: usize,
    /// Queries without a rank.
    pub failures: usize,
    /// Number of items in the gallery.
    pub gallery: usize,
    /// Recall at each k asked for.
    pub recall: Vec<RecallAt>,
    /// Recall at k = ceil(1 % of the gallery), the customary cross-view figure.
    pub recall_1_percent: RecallAt,
    /// Mean reciprocal rank.
    pub mean_reciprocal_rank: Measure,
    /// Median rank, counted from 1; `None` where half or more failed.
    pub median_rank: Option<f64>,
}

impl RetrievalSummary {
    /// Summary of the ranks of the true items in a gallery of `gallery` items.
    ///
    /// # Errors
    ///
    /// [`MetricError::Empty`] without queries or gallery, [`MetricError::Index`] for a rank that the gallery is too small
    /// for, [`MetricError::Setting`] for a bootstrap level outside (0, 1).
    pub fn from_ranks(
        ranks: &[Option<Rank>],
        gallery: usize,
        ks: &[usize],
        conventions: &Conventions,
    ) -> Result<Self, MetricError> {
        not_empty("ranks", ranks.len())?;
        not_empty("gallery", gallery)?;
        conventions.check()?;
        for (row, rank) in ranks.iter().enumerate() {
            let index = rank.map_or(0, |r| r.better.saturating_add(r.tied));
            if index >= gallery {
                return Err(MetricError::Index {
                    what: "ranks",
                    row,
                    index,
                    bound: gallery,
                });
            }
        }
        let positions: Vec<Option<usize>> = ranks
            .iter()
            .map(|r| r.map(|r| r.position(conventions.ties)))
            .collect();
        let measure = |value: &dyn Fn(usize) -> f64| {
            let values: Vec<f64> = positions.iter().map(|p| p.map_or(0.0, value)).collect();
            mean_measure(&values, conventions.bootstrap)
        };
        let recall_at = |k: usize| {
            measure(&|position| f64::from(u8::from(position <= k)))
                .map(|share| RecallAt { k, share })
        };
        let mut ranked: Vec<f64> = positions.iter().flatten().map(|&p| p as f64).collect();
        ranked.sort_unstable_by(f64::total_cmp);
        Ok(Self {
            n: ranks.len(),
            failures: ranks.len() - ranked.len(),
            gallery,
            recall: ks.iter().map(|&k| recall_at(k)).collect::<Result<_, _>>()?,
            recall_1_percent: recall_at(gallery.div_ceil(100))?,
            mean_reciprocal_rank: measure(&|position| 1.0 / position as f64)?,
            median_rank: quantile_sorted(&ranked, ranks.len(), 0.5),
        })
    }

    /// The share at `k`, if that k was asked for.
    #[must_use]
    pub fn recall_at(&self, k: usize) -> Option<f64> {
        self.recall.iter().find(|r| r.k == k).map(|r| r.share.value)
    }
}
