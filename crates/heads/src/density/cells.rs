//! The mode of a distribution over cells.

use std::sync::Arc;

use geoloc_core::{CellLogits, DecodeError, Decoder, PlaceMass, estimate_about};
use geoloc_geo_cells::{Estimate, Partition};

use crate::rows::{read_rows, softmax};
use crate::sphere::{Kernel, highest_mode, kappa_of};

/// Spreads the probability of each cell over a von Mises-Fisher kernel about its place and answers
/// the highest mode: neighbouring cells that share the probability add up, and two continents are
/// never averaged to the ocean between them.
///
/// A cell's kernel has the variance `σ² + s²/2` along each axis, with the bandwidth `σ` and the
/// spread `s` of the cell. Mean shift starts from the most probable cells; cells a million times
/// less probable than the best take no part in it. The probability of the answer is that of the cell
/// it lies in, or of the nearest one where it lies in none.
#[derive(Clone, Debug)]
pub struct ModeDecoder {
    partition: Arc<Partition>,
    kappas: Vec<f64>,
    starts: usize,
    keep: usize,
}

impl ModeDecoder {
    /// Decodes logits over `partition` with a bandwidth in km along each axis, keeping the `keep`
    /// most probable cells as candidates.
    #[must_use]
    pub fn new(partition: Arc<Partition>, bandwidth_km: f64, keep: usize) -> Self {
        let kappas = (0..partition.len())
            .filter_map(|class| partition.spread_km(class))
            .map(|spread| kappa_of(bandwidth_km.hypot(spread / std::f64::consts::SQRT_2)))
            .collect();
        Self {
            partition,
            kappas,
            starts: 5,
            keep,
        }
    }

    /// Number of cells that mean shift starts from, at least 1.
    #[must_use]
    pub fn with_starts(mut self, starts: usize) -> Self {
        self.starts = starts.max(1);
        self
    }

    fn decode_row(&self, index: usize, logits: &[f32]) -> Result<Estimate, DecodeError> {
        let masses: Vec<PlaceMass> = softmax(index, logits)?
            .into_iter()
            .enumerate()
            .filter_map(|(class, p)| PlaceMass::of_class(&self.partition, class, p))
            .collect();
        let best = masses.iter().map(|m| m.probability).fold(0.0, f64::max);
        let mut kernels: Vec<Kernel> = masses
            .iter()
            .zip(&self.kappas)
            .filter(|(mass, _)| mass.probability > best * 1e-6)
            .map(|(mass, &kappa)| Kernel {
                mean: mass.location.to_unit_vector(),
                weight: mass.probability,
                kappa,
            })
            .collect();
        kernels.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        let starts = kernels.iter().take(self.starts).map(|k| k.mean);
        let not_finite = DecodeError::NotFinite { index };
        let mode = highest_mode(&kernels, starts, 50).ok_or(not_finite.clone())?;
        let estimate = estimate_about(mode.location, &masses, self.keep).ok_or(not_finite)?;
        let cell = self.partition.index_of(mode.location);
        let cell = cell.or_else(|| self.partition.nearest(mode.location));
        let own = cell.and_then(|cell| masses.get(cell));
        Ok(Estimate {
            probability: own.map(|mass| mass.probability),
            ..estimate
        })
    }
}

impl Decoder<CellLogits> for ModeDecoder {
    fn decode(
        &self,
        output: CellLogits,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        let rows = read_rows(output.0, self.partition.len())?;
        let decode = |(index, row): (usize, &Vec<f32>)| self.decode_row(index, row);
        Ok(rows.iter().enumerate().map(decode).collect())
    }
}
