//! Cells refined by the photos in them.

use std::sync::Arc;

use geoloc_core::{
    CellLogits, DecodeError, Decoder, Embedding, PlaceMass, TwoTasks, estimate_about,
};
use geoloc_geo_cells::{Estimate, LatLng, Partition, haversine_km};

use crate::rows::{check_finite, read_rows, softmax};

/// A cluster of training photos of one cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Prototype {
    mean: Vec<f32>,
    pub(super) photos: Vec<(Vec<f32>, LatLng)>,
}

impl Prototype {
    /// The mean embedding of photos, all of the same length; `None` without photos, or where
    /// lengths differ or numbers are not finite.
    #[must_use]
    pub fn new(photos: Vec<(Vec<f32>, LatLng)>) -> Option<Self> {
        let width = photos.first()?.0.len();
        let fits = |e: &[f32]| e.len() == width && e.iter().all(|x| x.is_finite());
        if !photos.iter().all(|(e, _)| fits(e)) {
            return None;
        }
        let mut mean = vec![0.0; width];
        for (embedding, _) in &photos {
            for (m, x) in mean.iter_mut().zip(embedding) {
                *m += x / photos.len() as f32;
            }
        }
        Some(Self { mean, photos })
    }

    /// Where the photo most similar to `query` was taken. The published code takes the least
    /// similar one, an evident mistake that is not repeated here.
    fn place(&self, query: &[f32]) -> Option<LatLng> {
        let mut best: Option<(f64, LatLng)> = None;
        for (embedding, location) in &self.photos {
            let d = distance(embedding, query);
            if best.is_none_or(|(least, _)| d < least) {
                best = Some((d, *location));
            }
        }
        best.map(|(_, location)| location)
    }
}

/// Among the most probable cells, multiplies the probability of each with the softmax of `-d / T`,
/// where `d` is the Euclidean distance from the query's embedding to the nearest prototype of the
/// cell, and answers the most similar photo of that prototype.
///
/// An answer too far from the most probable cell is taken back: then the photo of that cell is the
/// answer. Cells without prototypes only count if no candidate has any; their own place stands
/// then.
#[derive(Clone, Debug)]
pub struct PrototypeDecoder {
    partition: Arc<Partition>,
    prototypes: Vec<Vec<Prototype>>,
    /// Number of cells that are refined; 5 in PIGEON.
    pub cells: usize,
    /// Temperature T; 1.6 in PIGEON.
    pub temperature: f64,
    /// Farthest that an answer may lie from the most probable cell, in km; 1,000 in PIGEON.
    pub max_move_km: f64,
}

impl PrototypeDecoder {
    /// Refines cells of `partition` by the prototypes of each, `prototypes[class]`, with the
    /// numbers of PIGEON.
    #[must_use]
    pub fn new(partition: Arc<Partition>, prototypes: Vec<Vec<Prototype>>) -> Self {
        Self {
            partition,
            prototypes,
            cells: 5,
            temperature: 1.6,
            max_move_km: 1000.0,
        }
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
        let expected = self
            .prototypes
            .iter()
            .flatten()
            .map(|p| p.mean.len())
            .next()
            .unwrap_or(found);
        let logits = read_rows(logits.0, self.partition.len())?;
        let queries = read_rows(queries.0, expected)?;
        Ok(logits
            .iter()
            .zip(&queries)
            .enumerate()
            .map(|(index, (logits, query))| self.decode_row(index, logits, query))
            .collect())
    }

    fn decode_row(
        &self,
        index: usize,
        logits: &[f32],
        query: &[f32],
    ) -> Result<Estimate, DecodeError> {
        let not_finite = DecodeError::NotFinite { index };
        check_finite(index, query)?;
        let mut ranked: Vec<(usize, f64)> =
            softmax(index, logits)?.into_iter().enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked.truncate(self.cells.max(1));
        let nearest: Vec<Option<(f64, LatLng)>> = ranked
            .iter()
            .map(|&(class, _)| self.nearest(class, query))
            .collect();
        let least = nearest
            .iter()
            .flatten()
            .map(|n| n.0)
            .fold(f64::INFINITY, f64::min);
        let masses: Vec<PlaceMass> = ranked
            .iter()
            .zip(&nearest)
            .filter_map(|(&(class, probability), nearest)| {
                let centre = self.partition.location(class)?;
                let (location, weight) = match nearest {
                    Some((d, location)) => (*location, ((least - d) / self.temperature).exp()),
                    None => (centre, f64::from(u8::from(least.is_infinite()))),
                };
                Some(PlaceMass {
                    location,
                    probability: probability * weight,
                    spread_km: self.partition.spread_km(class)?,
                    cell: self.partition.cell(class),
                })
            })
            .collect();
        let first = masses.first().ok_or(not_finite.clone())?;
        let mut best = first;
        for mass in &masses {
            if mass.probability > best.probability {
                best = mass;
            }
        }
        let guess = ranked.first().and_then(|r| self.partition.location(r.0));
        let moved = guess.map_or(0.0, |guess| haversine_km(guess, best.location));
        let answer = if moved > self.max_move_km {
            first
        } else {
            best
        };
        estimate_about(answer.location, &masses, masses.len()).ok_or(not_finite)
    }

    /// Distance to the nearest prototype of a cell and the place of its most similar photo.
    fn nearest(&self, class: usize, query: &[f32]) -> Option<(f64, LatLng)> {
        let mut best: Option<(f64, &Prototype)> = None;
        for prototype in self.prototypes.get(class)? {
            if prototype.mean.len() != query.len() {
                continue;
            }
            let d = distance(&prototype.mean, query);
            if best.is_none_or(|(least, _)| d < least) {
                best = Some((d, prototype));
            }
        }
        let (d, prototype) = best?;
        Some((d, prototype.place(query)?))
    }
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    let squared = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
    a.iter().zip(b).map(squared).sum::<f64>().sqrt()
}

impl Decoder<TwoTasks<CellLogits, Embedding>> for PrototypeDecoder {
    fn decode(
        &self,
        output: TwoTasks<CellLogits, Embedding>,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        self.locate(output.first, output.second)
    }
}
