//! Cells answered by the most similar photos in them.

use std::sync::Arc;

use geoloc_core::{
    CellLogits, DecodeError, Decoder, Embedding, PlaceMass, TwoTasks, estimate_from_masses,
};
use geoloc_geo_cells::{CellLocation, Estimate, LatLng, Partition, haversine_km};
use thiserror::Error;

use crate::rows::{check_finite, read_rows, softmax};

/// Why photos cannot be searched.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReferencePhotoError {
    /// The embedding of a photo is empty, or not as long as that of the first one.
    #[error("photo {photo}: its embedding has {found} numbers, expected {expected}")]
    Width {
        /// Position of the photo.
        photo: usize,
        /// Numbers of the first embedding, at least 1.
        expected: usize,
        /// Numbers of this one.
        found: usize,
    },
    /// The embedding of a photo holds a number that is not finite, or only zeros.
    #[error("photo {photo}: its embedding has no direction")]
    Direction {
        /// Position of the photo.
        photo: usize,
    },
}

/// Answers the most probable cells by the reference photos in them that look most like the query:
/// of the `neighbours` photos of a cell with the highest cosine to the query's embedding, those that
/// lie within `link_km` of each other, over any chain of them, are a cluster, and the answer is the
/// spherical mean of the largest one.
///
/// Published: DBSCAN of 1 km in the one most probable cell; with a minimum of one photo that is what
/// is done here. Ours: 10 neighbours (of clusters of the same size the one of higher summed cosine
/// counts), every candidate is answered so and keeps the probability of its cell, and a cell without
/// photos keeps its own place.
#[derive(Clone, Debug)]
pub struct SearchWithinCell {
    partition: Arc<Partition>,
    width: Option<usize>,
    /// Of each cell, the directions of embeddings and the places.
    photos: Vec<Vec<(Vec<f32>, LatLng)>>,
    /// Photos of a cell that are clustered.
    pub neighbours: usize,
    /// Photos within this distance of each other belong together, in km.
    pub link_km: f64,
    /// Cells that are answered.
    pub cells: usize,
}

impl SearchWithinCell {
    /// Searches among embeddings and places of photos; those outside the partition are left out.
    ///
    /// # Errors
    ///
    /// [`ReferencePhotoError`] for embeddings that differ in length or have no direction.
    pub fn new(
        partition: Arc<Partition>,
        photos: &[(Vec<f32>, LatLng)],
    ) -> Result<Self, ReferencePhotoError> {
        let width = photos.first().map(|(embedding, _)| embedding.len());
        let expected = width.map_or(1, |width| width.max(1));
        let mut of_cell = vec![Vec::new(); partition.len()];
        for (photo, (embedding, place)) in photos.iter().enumerate() {
            if embedding.len() != expected {
                return Err(ReferencePhotoError::Width {
                    photo,
                    expected,
                    found: embedding.len(),
                });
            }
            let direction = direction(embedding).ok_or(ReferencePhotoError::Direction { photo })?;
            let own = partition.index_of(*place);
            if let Some(members) = own.and_then(|cell| of_cell.get_mut(cell)) {
                members.push((direction, *place));
            }
        }
        Ok(Self {
            partition,
            width,
            photos: of_cell,
            neighbours: 10,
            link_km: 1.0,
            cells: 5,
        })
    }

    /// Places of queries from the logits of their cells, `[batch, cells]`, and their embeddings,
    /// `[batch, width]`.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`].
    pub fn locate(
        &self,
        logits: CellLogits,
        queries: Embedding,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        let [_, found] = queries.0.dims();
        let logits = read_rows(logits.0, self.partition.len())?;
        let queries = read_rows(queries.0, self.width.unwrap_or(found))?;
        Ok(logits
            .iter()
            .zip(&queries)
            .enumerate()
            .map(|(index, (logits, query))| self.locate_row(index, logits, query))
            .collect())
    }

    fn locate_row(
        &self,
        index: usize,
        logits: &[f32],
        query: &[f32],
    ) -> Result<Estimate, DecodeError> {
        check_finite(index, query)?;
        let mut ranked: Vec<(usize, f64)> =
            softmax(index, logits)?.into_iter().enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let keep = self.cells.max(1);
        // Beyond the answered cells the others count for the radius, at their own places.
        let masses: Vec<PlaceMass> = ranked
            .into_iter()
            .enumerate()
            .filter_map(|(rank, (class, probability))| {
                let found = if rank < keep {
                    self.search(class, query)
                } else {
                    None
                };
                let mass = PlaceMass::of_class(&self.partition, class, probability)?;
                Some(PlaceMass {
                    location: found.unwrap_or(mass.location),
                    ..mass
                })
            })
            .collect();
        estimate_from_masses(&masses, keep).ok_or(DecodeError::NotFinite { index })
    }

    /// The answer of one cell; `None` without photos.
    fn search(&self, class: usize, query: &[f32]) -> Option<LatLng> {
        let mut nearest: Vec<(f64, LatLng)> = self
            .photos
            .get(class)?
            .iter()
            .map(|(direction, place)| (dot(direction, query), *place))
            .collect();
        nearest.sort_by(|a, b| b.0.total_cmp(&a.0));
        nearest.truncate(self.neighbours.max(1));
        // Most similar first, so that the first of equal clusters is the more similar one.
        let mut best: Option<(usize, f64, Vec<LatLng>)> = None;
        for cluster in clusters(&nearest, self.link_km) {
            let sum: f64 = cluster.iter().map(|(cosine, _)| cosine).sum();
            let better = best
                .as_ref()
                .is_none_or(|(size, most, _)| (cluster.len(), sum) > (*size, *most));
            if better {
                let places = cluster.iter().map(|(_, place)| *place).collect();
                best = Some((cluster.len(), sum, places));
            }
        }
        CellLocation::SphericalMean.of(&best?.2)
    }
}

/// The photos that hang together over links of at most `link_km`.
fn clusters(photos: &[(f64, LatLng)], link_km: f64) -> Vec<Vec<(f64, LatLng)>> {
    let mut left: Vec<(f64, LatLng)> = photos.to_vec();
    let mut out = Vec::new();
    while !left.is_empty() {
        let mut cluster = vec![left.remove(0)];
        let mut at = 0;
        while let Some((_, here)) = cluster.get(at).copied() {
            let (near, far) = left
                .into_iter()
                .partition(|(_, place)| haversine_km(here, *place) <= link_km);
            left = far;
            cluster.extend::<Vec<_>>(near);
            at += 1;
        }
        out.push(cluster);
    }
    out
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| f64::from(*a) * f64::from(*b))
        .sum()
}

/// The unit vector; `None` for zeros and numbers that are not finite.
fn direction(x: &[f32]) -> Option<Vec<f32>> {
    let length = dot(x, x).sqrt();
    (length.is_finite() && length > 0.0)
        .then(|| x.iter().map(|v| (f64::from(*v) / length) as f32).collect())
}

impl Decoder<TwoTasks<CellLogits, Embedding>> for SearchWithinCell {
    fn decode(
        &self,
        output: TwoTasks<CellLogits, Embedding>,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        self.locate(output.first, output.second)
    }
}
