//! The product of probabilities along ancestors.

use std::sync::Arc;

use geoloc_core::{
    ConfigError, DecodeError, Decoder, HierarchicalLogits, PlaceMass, TemperatureScaling,
    estimate_from_masses,
};
use geoloc_geo_cells::{Estimate, Hierarchy};

use crate::rows::{
    Scores, check_temperature, check_weights, items_of, log_softmax, read_rows, softmax_of_scores,
};

/// Decision `f*`: each cell of the finest partition is scored with the product of its probability
/// and those of its ancestors, in log space, and the products are normalised to sum 1.
///
/// With exponents `e` and the temperature `T`, `ln P*(c) = Σ_l e_l ln P_l(ancestor_l(c)) / T` up to
/// a constant; all are 1 in the paper. Exponents (0, ..., 0, 1) leave the finest level alone.
///
/// The levels are not independent, so that their product is too sure of itself: three levels that
/// each give 0.6 make up to 0.77. The temperature corrects it, see [`joint_logits`](Self::joint_logits).
#[derive(Clone, Debug)]
pub struct HierarchicalDecoder {
    hierarchy: Arc<Hierarchy>,
    exponents: Vec<f64>,
    temperature: f64,
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
            temperature: 1.0,
            keep,
        }
    }

    /// One exponent a level, coarsest first; those that are missing are 1.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] for more exponents than levels, or one that is not finite.
    pub fn with_exponents(mut self, exponents: &[f64]) -> Result<Self, ConfigError> {
        let depth = self.hierarchy.depth();
        self.exponents = check_weights("exponents", exponents, depth, f64::MIN)?;
        Ok(self)
    }

    /// Divides the logarithms of the products by `temperature`. It changes probabilities and radii,
    /// not the ranking.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] unless it is positive and finite.
    pub fn with_temperature(mut self, temperature: f64) -> Result<Self, ConfigError> {
        check_temperature(temperature)?;
        self.temperature = temperature;
        Ok(self)
    }

    /// What the decision is the softmax of: for each item one score for each finest cell, the
    /// logarithm of the product along its ancestors, before the temperature. A temperature is fitted
    /// on these.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`].
    pub fn joint_logits(
        &self,
        output: HierarchicalLogits,
    ) -> Result<Vec<Result<Vec<f64>, DecodeError>>, DecodeError> {
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
        Ok(items_of(&levels, |index, item| {
            self.joint_item(index, item)
        }))
    }

    fn joint_item(&self, index: usize, levels: &[&[f32]]) -> Result<Vec<f64>, DecodeError> {
        let mut scores = vec![0.0; self.hierarchy.finest().len()];
        for (level, (row, exponent)) in levels.iter().zip(&self.exponents).enumerate() {
            let log_p = log_softmax(index, row)?;
            // A hierarchy has ancestors of every cell at every level.
            let ancestors = self.hierarchy.ancestors(level).into_iter().flatten();
            for (score, &ancestor) in scores.iter_mut().zip(ancestors) {
                // Widths were compared with the partitions: every ancestor has its logit.
                *score += exponent * log_p.get(ancestor as usize).copied().unwrap_or(f64::NAN);
            }
        }
        Ok(scores)
    }

    fn decode_item(&self, index: usize, scores: &[f64]) -> Result<Estimate, DecodeError> {
        let finest = self.hierarchy.finest();
        let masses: Vec<PlaceMass> = softmax_of_scores(scores, self.temperature)
            .into_iter()
            .enumerate()
            .filter_map(|(class, p)| PlaceMass::of_class(finest, class, p))
            .collect();
        estimate_from_masses(&masses, self.keep).ok_or(DecodeError::NotFinite { index })
    }
}

impl Decoder<HierarchicalLogits> for HierarchicalDecoder {
    fn decode(
        &self,
        output: HierarchicalLogits,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        let rows = self.joint_logits(output)?.into_iter().enumerate();
        Ok(rows
            .map(|(index, scores)| self.decode_item(index, &scores?))
            .collect())
    }
}

impl TemperatureScaling<HierarchicalLogits> for HierarchicalDecoder {
    /// The [joint logits](Self::joint_logits).
    fn scores(&self, output: HierarchicalLogits) -> Scores {
        self.joint_logits(output)
    }

    fn at_temperature(self, temperature: f64) -> Result<Self, ConfigError> {
        self.with_temperature(temperature)
    }
}
