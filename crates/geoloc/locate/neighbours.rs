//! Nearest gallery items as a density over places.

use std::sync::Arc;

use super::gallery::rows;
use crate::core::{DecodeError, Decoder, Embedding};
use crate::geo_cells::{Estimate, LatLng};
use crate::heads::density::{Neighbour, NeighbourDensity};
use crate::retrieval::{Query, VectorIndex};

/// Searches an index of gallery embeddings and answers the highest place of the density of the `k`
/// nearest rows (Revisiting IM2GPS, Vo et al. 2017).
#[derive(Clone, Debug)]
pub struct NeighbourDecoder {
    index: Arc<dyn VectorIndex>,
    locations: Arc<[LatLng]>,
    density: NeighbourDensity,
    k: usize,
}

impl NeighbourDecoder {
    /// Decodes by the `k` nearest rows of an index whose row ids are positions in `locations`.
    #[must_use]
    pub fn new(
        index: Arc<dyn VectorIndex>,
        locations: Arc<[LatLng]>,
        density: NeighbourDensity,
        k: usize,
    ) -> Self {
        Self {
            index,
            locations,
            density,
            k,
        }
    }

    fn decode_row(&self, index: usize, vector: &[f32]) -> Result<Estimate, DecodeError> {
        if !vector.iter().all(|v| v.is_finite()) {
            return Err(DecodeError::NotFinite { index });
        }
        let found = self.index.search(&Query::new(vector).k(self.k));
        let hits = found.map_err(|e| DecodeError::Search {
            reason: e.to_string(),
        })?;
        let neighbours: Vec<Neighbour> = hits
            .hits
            .iter()
            .filter_map(|hit| {
                Some(Neighbour {
                    cosine: f64::from(hit.score),
                    location: *self.locations.get(usize::try_from(hit.id).ok()?)?,
                })
            })
            .collect();
        self.density.locate(index, &neighbours)
    }
}

impl Decoder<Embedding> for NeighbourDecoder {
    fn decode(&self, output: Embedding) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        let rows = rows(output, self.index.dim())?.into_iter().enumerate();
        Ok(rows.map(|(i, row)| self.decode_row(i, &row)).collect())
    }
}
