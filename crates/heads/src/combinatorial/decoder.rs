//! The vote of several classifiers for fine cells.

use std::sync::Arc;

use geoloc_core::{DecodeError, Decoder, GeoclassLogits, PlaceMass, estimate_from_masses};
use geoloc_geo_cells::{Estimate, GeoclassSets, Partition};

use crate::rows::{read_rows, softmax};

/// How the probabilities of a set enter the sum. The paper names the first two without printing
/// their normalisation; both readings of the second are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TupleScore {
    /// As they are (`SimpleSum`).
    #[default]
    SimpleSum,
    /// Divided by their sum over all fine cells, so that every set has the same say (`NormSum`).
    NormSum,
    /// Divided by the largest of the set (`NormSum`, the other reading).
    NormMax,
}

/// Scores each fine cell `f` with `Σ_s w_s P_s(class of f in set s)` and answers the place of the
/// best one: the mean of its training photos.
///
/// Fine cells without training photos get no vote. Equal scores go to the cell with more training
/// photos, then to the lower index.
#[derive(Clone, Debug)]
pub struct TupleVoteDecoder {
    sets: Arc<GeoclassSets>,
    weights: Vec<f64>,
    score: TupleScore,
    /// Fine cells with photos, those with more photos first.
    order: Vec<usize>,
    keep: usize,
}

impl TupleVoteDecoder {
    /// Decodes logits over `sets`, keeping the `keep` best fine cells as candidates.
    #[must_use]
    pub fn new(sets: Arc<GeoclassSets>, score: TupleScore, keep: usize) -> Self {
        let counts = sets.fine().counts();
        let mut order: Vec<usize> = (0..counts.len())
            .filter(|&f| sets.fine().count(f) > Some(0))
            .collect();
        order.sort_by_key(|&f| (std::cmp::Reverse(sets.fine().count(f)), f));
        Self {
            weights: vec![1.0; sets.set_count()],
            sets,
            score,
            order,
            keep,
        }
    }

    /// One weight a set; sets without a finite, non-negative one keep 1.
    #[must_use]
    pub fn with_weights(mut self, weights: &[f64]) -> Self {
        for (own, &given) in self.weights.iter_mut().zip(weights) {
            *own = if given.is_finite() && given >= 0.0 {
                given
            } else {
                1.0
            };
        }
        self
    }

    fn decode_item(&self, index: usize, sets: &[&[f32]]) -> Result<Estimate, DecodeError> {
        let fine = self.sets.fine();
        let mut scores = vec![0.0; fine.len()];
        for (set, (row, weight)) in sets.iter().zip(&self.weights).enumerate() {
            let p = softmax(index, row)?;
            let members = |class: usize| self.sets.fine_of_class(set, class).unwrap_or_default();
            let divisor = match self.score {
                TupleScore::SimpleSum => 1.0,
                TupleScore::NormMax => p.iter().copied().fold(0.0, f64::max),
                TupleScore::NormSum => p
                    .iter()
                    .enumerate()
                    .map(|(class, p)| p * members(class).len() as f64)
                    .sum(),
            };
            for (class, p) in p.iter().enumerate() {
                for &f in members(class) {
                    if let Some(score) = scores.get_mut(f as usize) {
                        *score += weight * p / divisor;
                    }
                }
            }
        }
        let masses: Vec<PlaceMass> = self
            .order
            .iter()
            .filter_map(|&f| {
                Some(PlaceMass {
                    location: fine.location(f)?,
                    probability: scores.get(f).copied()?,
                    spread_km: fine.spread_km(f)?,
                    cell: fine.cell(f),
                })
            })
            .collect();
        estimate_from_masses(&masses, self.keep).ok_or(DecodeError::NotFinite { index })
    }
}

impl Decoder<GeoclassLogits> for TupleVoteDecoder {
    fn decode(
        &self,
        output: GeoclassLogits,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        let (expected, found) = (self.sets.set_count(), output.0.len());
        if expected != found {
            return Err(DecodeError::Width { expected, found });
        }
        let sets = output
            .0
            .into_iter()
            .enumerate()
            .map(|(set, logits)| {
                let classes = self.sets.set(set).map_or(0, Partition::len);
                read_rows(logits, classes)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let items = sets.iter().map(Vec::len).min().unwrap_or(0);
        Ok((0..items)
            .map(|index| {
                let item: Vec<&[f32]> = sets
                    .iter()
                    .filter_map(|rows| rows.get(index).map(Vec::as_slice))
                    .collect();
                self.decode_item(index, &item)
            })
            .collect())
    }
}
