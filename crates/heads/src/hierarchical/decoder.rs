//! The product of probabilities along ancestors.

use std::sync::Arc;

use geoloc_core::{DecodeError, Decoder, HierarchicalLogits, PlaceMass, estimate_from_masses};
use geoloc_geo_cells::{Estimate, Hierarchy};

use crate::rows::{log_softmax, read_rows};

/// Decision `f*`: each cell of the finest partition is scored with the product of its probability
/// and those of its ancestors, in log space, and the products are normalised to sum 1.
///
/// With exponents `e`, `ln P*(c) = Σ_l e_l ln P_l(ancestor_l(c))` up to a constant; all are 1 in
/// the paper. Exponents (0, ..., 0, 1) leave the finest level alone.
#[derive(Clone, Debug)]
pub struct HierarchicalDecoder {
    hierarchy: Arc<Hierarchy>,
    exponents: Vec<f64>,
    keep: usize,
}

impl HierarchicalDecoder {
    /// Decodes logits over the partitions of `hierarchy`, keeping the `keep` most probable cells as
    /// candidates.
    #[must_use]
    pub fn new(hierarchy: Arc<Hierarchy>, keep: usize) -> Self {
        let exponents = vec![1.0; hierarchy.depth()];
        Self {
            hierarchy,
            exponents,
            keep,
        }
    }

    /// One exponent a level, coarsest first; levels without a finite one keep 1.
    #[must_use]
    pub fn with_exponents(mut self, exponents: &[f64]) -> Self {
        for (own, &given) in self.exponents.iter_mut().zip(exponents) {
            *own = if given.is_finite() { given } else { 1.0 };
        }
        self
    }

    fn decode_item(&self, index: usize, levels: &[&[f32]]) -> Result<Estimate, DecodeError> {
        let finest = self.hierarchy.finest();
        let mut scores = vec![0.0; finest.len()];
        for (level, (row, exponent)) in levels.iter().zip(&self.exponents).enumerate() {
            let log_p = log_softmax(index, row)?;
            let ancestors = self.hierarchy.ancestors(level).unwrap_or_default();
            for (score, &ancestor) in scores.iter_mut().zip(ancestors) {
                *score += exponent * log_p.get(ancestor as usize).copied().unwrap_or(f64::NAN);
            }
        }
        let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let masses: Vec<PlaceMass> = scores
            .iter()
            .zip(finest.locations())
            .enumerate()
            .map(|(class, (score, &location))| PlaceMass {
                location,
                probability: (score - max).exp(),
                spread_km: finest.spread_km(class).unwrap_or(0.0),
                cell: finest.cell(class),
            })
            .collect();
        estimate_from_masses(&masses, self.keep).ok_or(DecodeError::NotFinite { index })
    }
}

impl Decoder<HierarchicalLogits> for HierarchicalDecoder {
    fn decode(
        &self,
        output: HierarchicalLogits,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        let (expected, found) = (self.hierarchy.depth(), output.0.len());
        if expected != found {
            return Err(DecodeError::Width { expected, found });
        }
        let levels = output
            .0
            .into_iter()
            .zip(self.hierarchy.partitions())
            .map(|(logits, partition)| read_rows(logits, partition.len()))
            .collect::<Result<Vec<_>, _>>()?;
        let items = levels.iter().map(Vec::len).min().unwrap_or(0);
        Ok((0..items)
            .map(|index| {
                let item: Vec<&[f32]> = levels
                    .iter()
                    .filter_map(|rows| rows.get(index).map(Vec::as_slice))
                    .collect();
                self.decode_item(index, &item)
            })
            .collect())
    }
}
