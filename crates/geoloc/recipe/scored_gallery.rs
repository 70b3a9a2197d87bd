//! The rows of a gallery as candidates of validation photos.

use burn::tensor::Tensor;

use super::RecipeError;
use super::calibration::Scored;
use crate::approach::{Gallery, NEIGHBOURS, Similarity};
use crate::geo_cells::{LatLng, haversine_km};
use crate::locate::index_embeddings;
use crate::retrieval::{FlatIndex, Query, VectorIndex};

/// A gallery that can be searched, and what counts as right.
pub(super) struct ScoredGallery<'a> {
    gallery: &'a Gallery,
    index: FlatIndex,
    similarity: Similarity,
}

impl<'a> ScoredGallery<'a> {
    pub(super) fn new(gallery: &'a Gallery, similarity: Similarity) -> Result<Self, RecipeError> {
        let index = index_embeddings(&gallery.embeddings, gallery.dim);
        Ok(Self {
            gallery,
            index: index.map_err(|e| failed(&e))?,
            similarity,
        })
    }

    /// The candidates of photos with vectors `[photos, dim]` and these true places: the rows that an
    /// answer would be made of, and the right ones. Photos without a right row are left out: of them
    /// no temperature makes the answer right.
    pub(super) fn scored(
        &self,
        vectors: Tensor<2>,
        truth: &[LatLng],
    ) -> Result<Vec<Scored>, RecipeError> {
        let values = vectors.try_into_vec_as::<f32>();
        let values = values.map_err(|e| failed(&e))?;
        let mut photos = Vec::new();
        for (vector, &place) in values.chunks_exact(self.gallery.dim.max(1)).zip(truth) {
            let right = self.right(place);
            if right.is_empty() || !vector.iter().all(|v| v.is_finite()) {
                continue;
            }
            let found = self.index.search(&Query::new(vector).k(NEIGHBOURS));
            let hits = found.map_err(|e| failed(&e))?.hits;
            let mut rows: Vec<usize> = hits.iter().map(|hit| hit.id as usize).collect();
            rows.extend(
                right
                    .iter()
                    .copied()
                    .filter(|row| !hits.iter().any(|h| h.id as usize == *row)),
            );
            let positions = rows.iter().enumerate();
            photos.push(Scored {
                right: positions
                    .filter(|(_, row)| right.contains(row))
                    .map(|(at, _)| at)
                    .collect(),
                scores: rows.iter().map(|&row| self.score(row, vector)).collect(),
            });
        }
        Ok(photos)
    }

    /// The right rows for a true place.
    fn right(&self, place: LatLng) -> Vec<usize> {
        let distances = self.gallery.places.iter().map(|&p| haversine_km(p, place));
        let distances = distances.enumerate();
        if let Some(right_km) = self.similarity.right_km {
            let near = distances.filter(|(_, km)| *km <= right_km);
            return near.map(|(row, _)| row).collect();
        }
        let nearest = distances.min_by(|a, b| a.1.total_cmp(&b.1));
        nearest.map(|(row, _)| row).into_iter().collect()
    }

    fn score(&self, row: usize, vector: &[f32]) -> f64 {
        let rows = self
            .gallery
            .embeddings
            .chunks_exact(self.gallery.dim.max(1));
        let own = rows.skip(row).take(1).flatten().zip(vector);
        let cosine: f64 = own.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        self.similarity.scale * cosine
    }
}

fn failed(e: &dyn std::fmt::Display) -> RecipeError {
    RecipeError::Gallery {
        reason: e.to_string(),
    }
}
