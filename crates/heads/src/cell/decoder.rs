//! Most probable cells.

use std::sync::Arc;

use geoloc_core::{CellLogits, DecodeError, Decoder, PlaceMass, estimate_from_masses};
use geoloc_geo_cells::{Estimate, Partition};

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

    /// Divides logits by `temperature` before the softmax; values that are not positive are taken
    /// as 1. It changes probabilities and radii, not the ranking.
    #[must_use]
    pub fn with_temperature(mut self, temperature: f64) -> Self {
        self.temperature = if temperature > 0.0 { temperature } else { 1.0 };
        self
    }

    fn decode_row(&self, index: usize, logits: &[f32]) -> Result<Estimate, DecodeError> {
        let not_finite = DecodeError::NotFinite { index };
        if !logits.iter().all(|l| l.is_finite()) {
            return Err(not_finite);
        }
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let masses: Vec<PlaceMass> = logits
            .iter()
            .zip(self.partition.locations())
            .enumerate()
            .map(|(class, (&logit, &location))| PlaceMass {
                location,
                probability: (f64::from(logit - max) / self.temperature).exp(),
                spread_km: self.partition.spread_km(class).unwrap_or(0.0),
                cell: self.partition.cell(class),
            })
            .collect();
        estimate_from_masses(&masses, self.keep).ok_or(not_finite)
    }
}

impl Decoder<CellLogits> for CellDecoder {
    fn decode(
        &self,
        output: CellLogits,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        let [_, cells] = output.0.dims();
        if cells != self.partition.len() {
            return Err(DecodeError::Width {
                expected: self.partition.len(),
                found: cells,
            });
        }
        let logits = output
            .0
            .try_into_vec_as::<f32>()
            .map_err(|e| DecodeError::Device {
                reason: e.to_string(),
            })?;
        Ok(logits
            .chunks_exact(cells.max(1))
            .enumerate()
            .map(|(index, row)| self.decode_row(index, row))
            .collect())
    }
}
