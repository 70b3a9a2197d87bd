//! Retrieval: ranks with explicit ties, recall@k and mean reciprocal rank.

use geoloc_geo_cells::LatLng;
use serde::{Deserialize, Serialize};

use crate::error::{not_empty, same_length};
use crate::{Conventions, MetricError, TiePolicy};

/// Where the true item of a query stands among the scored gallery, before ties are decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rank {
    /// Number of gallery items that score strictly better than the true one.
    pub better: usize,
    /// Number of other items with exactly the score of the true one.
    pub tied: usize,
}

impl Rank {
    /// Ranks the item `true_index` among `scores`, of which higher is better.
    ///
    /// NaN scores of other items never beat it. Returns `None`, a failure, where its own score is NaN or `true_index` is
    /// out of range.
    ///
    /// # Examples
    ///
    /// ```
    /// use geoloc_metrics::{Rank, TiePolicy};
    ///
    /// let rank = Rank::from_scores(&[0.9, 0.4, 0.4, 0.1], 1).expect("a rank");
    /// assert_eq!(rank, Rank { better: 1, tied: 1 });
    /// assert_eq!(rank.position(TiePolicy::Pessimistic), 3);
    /// assert_eq!(rank.position(TiePolicy::Optimistic), 2);
    /// ```
    #[must_use]
    pub fn from_scores<S: PartialOrd>(scores: &[S], true_index: usize) -> Option<Self> {
        Self::best_of(scores, &[true_index])
    }

    /// Ranks the best of several true items, as where a place has more than one photo in the gallery. The other true
    /// items are not counted against it.
    ///
    /// Returns `None` where no true item has a score that is a number.
    #[must_use]
    pub fn best_of<S: PartialOrd>(scores: &[S], true_indices: &[usize]) -> Option<Self> {
        Self::best_of_without(scores, true_indices, &[])
    }

    /// As [`best_of`](Self::best_of) with the items `ignored` taken out of the ranking first: the semi-positives of
    /// VIGOR (Zhu, Yang and Chen 2021), neighbours that show the place too and are neither right nor wrong.
    ///
    /// The share of queries with position 1 is then VIGOR's hit rate.
    #[must_use]
    #[allow(
        clippy::eq_op,
        reason = "x == x is the test for NaN that PartialOrd offers"
    )]
    pub fn best_of_without<S: PartialOrd>(
        scores: &[S],
        true_indices: &[usize],
        ignored: &[usize],
    ) -> Option<Self> {
        let mut best: Option<&S> = None;
        for score in true_indices.iter().filter_map(|&i| scores.get(i)) {
            if score == score && best.is_none_or(|b| score > b) {
                best = Some(score);
            }
        }
        let best = best?;
        let mut skip = vec![false; scores.len()];
        for &index in true_indices.iter().chain(ignored) {
            if let Some(flag) = skip.get_mut(index) {
                *flag = true;
            }
        }
        let (mut better, mut tied) = (0, 0);
        for (score, _) in scores.iter().zip(&skip).filter(|(_, s)| !**s) {
            if score > best {
                better += 1;
            } else if score == best {
                tied += 1;
            }
        }
        Some(Self { better, tied })
    }

    /// The rank, counted from 1, under a tie policy.
    #[must_use]
    pub fn position(self, ties: TiePolicy) -> usize {
        let ties_above = match ties {
            TiePolicy::Pessimistic => self.tied,
            TiePolicy::Optimistic => 0,
        };
        self.better.saturating_add(ties_above).saturating_add(1)
    }
}

/// Share of the queries whose true item is among the first `k`; `None` is a failure and counts as a miss.
///
/// # Errors
///
/// [`MetricError::Empty`] without queries.
pub fn recall_at(ranks: &[Option<Rank>], k: usize, ties: TiePolicy) -> Result<f64, MetricError> {
    not_empty("ranks", ranks.len())?;
    let hits = ranks
        .iter()
        .flatten()
        .filter(|r| r.position(ties) <= k)
        .count();
    Ok(hits as f64 / ranks.len() as f64)
}

/// Mean of 1 / rank; failures contribute 0.
///
/// # Errors
///
/// [`MetricError::Empty`] without queries.
pub fn mean_reciprocal_rank(ranks: &[Option<Rank>], ties: TiePolicy) -> Result<f64, MetricError> {
    not_empty("ranks", ranks.len())?;
    let sum: f64 = ranks
        .iter()
        .flatten()
        .map(|r| 1.0 / r.position(ties) as f64)
        .sum();
    Ok(sum / ranks.len() as f64)
}

/// Position, counted from 1, of the first of the `ranked` places that lies within `radius_km` of the truth.
///
/// `first_hit_by_distance(..) <= Some(k)` is the hit of recall@k as place recognition counts it (any of the first k
/// within r). `None`: no candidate is that near.
#[must_use]
pub fn first_hit_by_distance(
    truth: LatLng,
    ranked: &[LatLng],
    radius_km: f64,
    conventions: &Conventions,
) -> Option<usize> {
    let near = |p: &LatLng| {
        let km = conventions.distance.km(truth, *p);
        conventions.comparison.holds(km, radius_km)
    };
    ranked.iter().position(near).map(|i| i + 1)
}

/// Share of the queries for which any of the first `k` ranked places lies within `radius_km` of the truth; a query with
/// no candidates is a miss.
///
/// # Errors
///
/// [`MetricError::Empty`], [`MetricError::Length`].
pub fn recall_by_distance<R: AsRef<[LatLng]>>(
    truth: &[LatLng],
    ranked: &[R],
    k: usize,
    radius_km: f64,
    conventions: &Conventions,
) -> Result<f64, MetricError> {
    not_empty("truth", truth.len())?;
    same_length("ranked", ranked.len(), truth.len())?;
    let hit = |(t, places): &(&LatLng, &R)| {
        first_hit_by_distance(**t, places.as_ref(), radius_km, conventions)
            .is_some_and(|position| position <= k)
    };
    let hits = truth.iter().zip(ranked).filter(hit).count();
    Ok(hits as f64 / truth.len() as f64)
}

/// Whether any place of the gallery lies within `radius_km` of the truth: queries for which this is false cannot be
/// answered, and protocols differ in whether they are dropped or counted as misses.
#[must_use]
pub fn has_positive(
    truth: LatLng,
    gallery: &[LatLng],
    radius_km: f64,
    conventions: &Conventions,
) -> bool {
    first_hit_by_distance(truth, gallery, radius_km, conventions).is_some()
}
