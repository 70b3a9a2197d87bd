//! Nearest gallery items as places.

use std::sync::Arc;

use crate::core::{DecodeError, Decoder, Embedding, PlaceMass, estimate_from_masses};
use crate::geo_cells::{Estimate, LatLng};
use crate::retrieval::{Prior, Query, VectorIndex};

/// Searches an index of gallery embeddings, for the places of its rows.
///
/// The scores of the `k` best rows, times `scale`, go through a softmax: the probabilities are
/// relative to these rows, the rest of the gallery counts as impossible.
#[derive(Clone, Debug)]
pub struct GalleryDecoder {
    index: Arc<dyn VectorIndex>,
    /// By row id; where there are none, the index knows the places.
    locations: Option<Arc<[LatLng]>>,
    scale: f64,
    spread_km: f64,
    k: usize,
    prior: Option<Arc<Prior>>,
}

impl GalleryDecoder {
    /// Decodes by the `k` nearest rows of an index whose row ids are positions in `locations`; `scale` is what the model multiplies its cosine by, and
    /// `spread_km` how far a query typically lies from its gallery item.
    #[must_use]
    pub fn new(
        index: Arc<dyn VectorIndex>,
        locations: Arc<[LatLng]>,
        scale: f64,
        spread_km: f64,
        k: usize,
    ) -> Self {
        Self {
            index,
            locations: Some(locations),
            scale,
            spread_km,
            k,
            prior: None,
        }
    }

    /// As [`new`](Self::new), for an index whose rows have places.
    #[must_use]
    pub fn over_places(index: Arc<dyn VectorIndex>, scale: f64, spread_km: f64, k: usize) -> Self {
        Self {
            index,
            locations: None,
            scale,
            spread_km,
            k,
            prior: None,
        }
    }

    /// Adds a prior to the scores of rows.
    #[must_use]
    pub fn with_prior(mut self, prior: Arc<Prior>) -> Self {
        self.prior = Some(prior);
        self
    }

    /// The index behind it.
    #[must_use]
    pub fn index(&self) -> &Arc<dyn VectorIndex> {
        &self.index
    }

    fn decode_row(&self, index: usize, vector: &[f32]) -> Result<Estimate, DecodeError> {
        if !vector.iter().all(|v| v.is_finite()) {
            return Err(DecodeError::NotFinite { index });
        }
        let mut query = Query::new(vector).k(self.k);
        if let Some(prior) = &self.prior {
            query = query.prior(prior.clone(), 1.0);
        }
        let hits = self
            .index
            .search(&query)
            .map_err(|e| DecodeError::Search {
                reason: e.to_string(),
            })?
            .hits;
        let best = hits.first().map_or(0.0, |hit| f64::from(hit.score));
        let masses: Vec<PlaceMass> = hits
            .iter()
            .filter_map(|hit| {
                let location = match &self.locations {
                    Some(locations) => *locations.get(usize::try_from(hit.id).ok()?)?,
                    None => hit.place?.location,
                };
                let probability = (self.scale * (f64::from(hit.score) - best)).exp();
                Some(PlaceMass::at(location, probability, self.spread_km))
            })
            .collect();
        estimate_from_masses(&masses, self.k).ok_or_else(|| DecodeError::Search {
            reason: "the gallery is empty".into(),
        })
    }
}

impl Decoder<Embedding> for GalleryDecoder {
    fn decode(&self, output: Embedding) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        let rows = rows(output, self.index.dim())?.into_iter().enumerate();
        Ok(rows.map(|(i, row)| self.decode_row(i, &row)).collect())
    }
}

/// The vectors of a batch on the host.
pub(super) fn rows(output: Embedding, expected: usize) -> Result<Vec<Vec<f32>>, DecodeError> {
    let [_, found] = output.0.dims();
    if found != expected {
        return Err(DecodeError::Width { expected, found });
    }
    let vectors = output.0.try_into_vec_as::<f32>();
    let vectors = vectors.map_err(|e| DecodeError::Device {
        reason: e.to_string(),
    })?;
    let rows = vectors.chunks_exact(expected.max(1));
    Ok(rows.map(<[f32]>::to_vec).collect())
}
