//! Most probable cells.

use std::sync::Arc;

use geoloc_core::{
    CellLogits, ConfigError, DecodeError, Decoder, PlaceMass, TemperatureScaling,
    estimate_from_masses,
};
use geoloc_geo_cells::{Estimate, Partition};

use crate::rows::{Scores, check_finite, check_temperature, read_rows, scores, softmax_of_scores};

/// Answers the location of the most probable cell, as `PlaNet` does with the cell centre; here the
/// location is the one of the partition, by default the mean of the training photos.
#[derive(Clone, Debug)]
pub struct CellDecoder {
    partition: Arc<Partition>,
    temperature: f64,
    keep: usize,
}

impl CellDecoder {
    /// Decodes logits over `partition`, keeping the `keep` most probable cells as candidates.
    #[must_use]
    pub fn new(partition: Arc<Partition>, keep: usize) -> Self {
        Self {
            partition,
            temperature: 1.0,
            keep,
        }
    }

    /// Divides logits by `temperature` before the softmax. It changes probabilities and radii, not
    /// the ranking.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] unless it is positive and finite.
    pub fn with_temperature(mut self, temperature: f64) -> Result<Self, ConfigError> {
        check_temperature(temperature)?;
        self.temperature = temperature;
        Ok(self)
    }

    fn decode_row(&self, index: usize, logits: &[f32]) -> Result<Estimate, DecodeError> {
        check_finite(index, logits)?;
        let scores: Vec<f64> = logits.iter().map(|&l| f64::from(l)).collect();
        let masses: Vec<PlaceMass> = softmax_of_scores(&scores, self.temperature)
            .into_iter()
            .enumerate()
            .filter_map(|(class, p)| PlaceMass::of_class(&self.partition, class, p))
            .collect();
        estimate_from_masses(&masses, self.keep).ok_or(DecodeError::NotFinite { index })
    }
}

impl Decoder<CellLogits> for CellDecoder {
    fn decode(
        &self,
        output: CellLogits,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        let rows = read_rows(output.0, self.partition.len())?;
        let decode = |(index, row): (usize, &Vec<f32>)| self.decode_row(index, row);
        Ok(rows.iter().enumerate().map(decode).collect())
    }
}

impl TemperatureScaling<CellLogits> for CellDecoder {
    fn scores(&self, output: CellLogits) -> Scores {
        scores(output.0, self.partition.len())
    }

    fn at_temperature(self, temperature: f64) -> Result<Self, ConfigError> {
        self.with_temperature(temperature)
    }
}
