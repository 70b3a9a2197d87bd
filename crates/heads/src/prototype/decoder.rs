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

/// A cell that may be the answer.
struct Candidate {
    class: usize,
    probability: f64,
    /// Distance to its nearest prototype and the place of the most similar photo there; `None` without
    /// prototypes.
    nearest: Option<(f64, LatLng)>,
}

/// Among the most probable cells, multiplies the probability of each with the softmax of `-d / T`,
/// where `d` is the Euclidean distance from the query's embedding to the nearest prototype of the
/// cell, and answers the most similar photo of that prototype.
///
/// An answer too far from the most probable cell is taken back: then the photo of that cell is the
/// answer. Cells without prototypes only count if no candidate has any; their own place stands
/// then.
///
/// The temperature belongs to the scale of the embeddings. Of unit vectors, which [`Embedding`]
/// holds, all distances lie in [0, 2], and those of two candidates rarely differ by more than 0.3:
/// the default suits them. PIGEON's 1.6 belongs to mean CLIP tokens as they are; on unit vectors it
/// changes the probabilities by a tenth, and hardly ever the cell. Better than either is the
/// temperature that fits photos held out, see [`fit_temperature`](Self::fit_temperature).
#[derive(Clone, Debug)]
pub struct PrototypeDecoder {
    partition: Arc<Partition>,
    prototypes: Vec<Vec<Prototype>>,
    /// Number of cells that are refined; 5 in PIGEON.
    pub cells: usize,
    /// Temperature T, for unit vectors 0.1 by default.
    pub temperature: f64,
    /// Farthest that an answer may lie from the most probable cell, in km; 1,000 in PIGEON.
    pub max_move_km: f64,
}

impl PrototypeDecoder {
    /// Refines cells of `partition` by the prototypes of each, `prototypes[class]`, with the
    /// numbers of PIGEON but for the temperature.
    #[must_use]
    pub fn new(partition: Arc<Partition>, prototypes: Vec<Vec<Prototype>>) -> Self {
        Self {
            partition,
            prototypes,
            cells: 5,
            temperature: 0.1,
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
        let [logits, queries] = self.read(logits, queries)?;
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
        let ranked = self.candidates(index, logits, query)?;
        let distances = ranked.iter().filter_map(|c| Some(c.nearest?.0));
        let least = distances.fold(f64::INFINITY, f64::min);
        let masses: Vec<PlaceMass> = ranked
            .iter()
            .filter_map(|c| {
                let mass = PlaceMass::of_class(&self.partition, c.class, c.probability)?;
                let (location, weight) = match c.nearest {
                    Some((d, location)) => (location, ((least - d) / self.temperature).exp()),
                    None => (mass.location, f64::from(u8::from(least.is_infinite()))),
                };
                Some(PlaceMass {
                    location,
                    probability: mass.probability * weight,
                    ..mass
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
        let guess = ranked
            .first()
            .and_then(|c| self.partition.location(c.class));
        let moved = guess.map_or(0.0, |guess| haversine_km(guess, best.location));
        let answer = if moved > self.max_move_km {
            first
        } else {
            best
        };
        estimate_about(answer.location, &masses, masses.len()).ok_or(not_finite)
    }

    /// The most probable cells with their probabilities, and of each the nearest prototype.
    fn candidates(
        &self,
        index: usize,
        logits: &[f32],
        query: &[f32],
    ) -> Result<Vec<Candidate>, DecodeError> {
        check_finite(index, query)?;
        let mut ranked: Vec<(usize, f64)> =
            softmax(index, logits)?.into_iter().enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked.truncate(self.cells.max(1));
        let candidate = |(class, probability)| Candidate {
            class,
            probability,
            nearest: self.nearest(class, query),
        };
        Ok(ranked.into_iter().map(candidate).collect())
    }

    /// Of 31 temperatures from 0.01 to 10 the one that gives the true cells of held-out photos the
    /// largest mean log-probability among the candidates. `truth[i]` is the place of row `i`. Photos
    /// whose true cell is no candidate with a prototype say nothing; `None` if no photo says
    /// anything.
    ///
    /// The photos must not be among those of the prototypes: each would be nearest to its own.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`]; the first row that is not finite ends the fit.
    pub fn fit_temperature(
        &self,
        logits: CellLogits,
        queries: Embedding,
        truth: &[LatLng],
    ) -> Result<Option<f64>, DecodeError> {
        let [logits, queries] = self.read(logits, queries)?;
        let mut rows = Vec::new();
        for (index, ((logits, query), &place)) in logits.iter().zip(&queries).zip(truth).enumerate()
        {
            let ranked = self.candidates(index, logits, query)?.into_iter();
            let own = self.partition.index_of(place);
            // Logarithm of the probability, distance, and whether it is the true cell.
            let term =
                |c: Candidate| Some((c.probability.ln(), c.nearest?.0, Some(c.class) == own));
            let terms: Vec<(f64, f64, bool)> = ranked.filter_map(term).collect();
            if terms.iter().any(|t| t.2) {
                rows.push(terms);
            }
        }
        let loss = |temperature: f64| -> f64 {
            let score = |t: &(f64, f64, bool)| t.0 - t.1 / temperature;
            let row = |terms: &Vec<(f64, f64, bool)>| {
                let max = terms.iter().map(score).fold(f64::NEG_INFINITY, f64::max);
                let all: f64 = terms.iter().map(|t| (score(t) - max).exp()).sum();
                let own: f64 = terms.iter().filter(|t| t.2).map(score).sum();
                all.ln() + max - own
            };
            rows.iter().map(row).sum()
        };
        let temperatures = (0..=30).map(|k| 10f64.powf(f64::from(k) / 10.0 - 2.0));
        let best = temperatures.min_by(|a, b| loss(*a).total_cmp(&loss(*b)));
        Ok(best.filter(|_| !rows.is_empty()))
    }

    /// Logits and embeddings on the host.
    fn read(
        &self,
        logits: CellLogits,
        queries: Embedding,
    ) -> Result<[Vec<Vec<f32>>; 2], DecodeError> {
        let [_, found] = queries.0.dims();
        let own = self
            .prototypes
            .iter()
            .flatten()
            .map(|p| p.mean.len())
            .next();
        let logits = read_rows(logits.0, self.partition.len())?;
        // Without prototypes embeddings of any length are as good.
        let queries = read_rows(queries.0, own.unwrap_or(found))?;
        Ok([logits, queries])
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
