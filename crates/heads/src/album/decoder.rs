//! Places of the photos of an album.

use std::sync::Arc;

use geoloc_core::{DecodeError, PlaceMass, estimate_about, estimate_from_masses};
use geoloc_geo_cells::{Estimate, LatLng, Partition, haversine_km};
use thiserror::Error;

use super::TravelPrior;
use super::markov::{Chain, log_sum_exp};
use crate::rows::log_softmax;

/// A photo of an album.
#[derive(Clone, Debug, PartialEq)]
pub struct AlbumPhoto {
    /// Logits over the cells, as the classifier of single photos gives them.
    pub logits: Vec<f32>,
    /// When it was taken, in seconds from any origin; `None` if not known.
    pub seconds: Option<f64>,
}

/// What is best about the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AlbumRule {
    /// Each photo is answered by its most probable cell given all photos (forward-backward).
    #[default]
    EachPhoto,
    /// The sequence of cells is the most probable one as a whole (Viterbi).
    WholePath,
}

/// A hidden Markov model over the cells of a classifier (Kalogerakis et al. 2009).
///
/// The probability that the traveller is in cell `j` after being in cell `i` is the travel prior at
/// the distance of their places, divided by its sum over all cells. Photos without a time neither
/// inform their neighbours nor are informed by them. The published model works on 400 km bins with
/// nearest-neighbour scores; here the cells of the partition are the bins, each of the same weight,
/// which suits partitions of about equally many photos a cell.
#[derive(Clone, Debug)]
pub struct AlbumDecoder<T> {
    partition: Arc<Partition>,
    travel: T,
    prior: Vec<f64>,
    /// Most probable cells of each photo that are considered.
    pub states: usize,
    /// What is answered.
    pub rule: AlbumRule,
    /// Number of cells to keep as candidates.
    pub keep: usize,
}

/// Why an album could not be decoded.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum AlbumError {
    /// Times fall, or one is not finite.
    #[error("photo {index} of the album has time {seconds}, which is not after the one before")]
    Time {
        /// Position in the album.
        index: usize,
        /// Its time.
        seconds: f64,
    },
    /// A photo has not one logit a cell.
    #[error("photo {index} of the album: {source}")]
    Photo {
        /// Position in the album.
        index: usize,
        /// What is wrong.
        source: DecodeError,
    },
}

impl<T: TravelPrior> AlbumDecoder<T> {
    /// Decodes logits over `partition` with 100 states a photo.
    #[must_use]
    pub fn new(partition: Arc<Partition>, travel: T) -> Self {
        Self {
            prior: vec![0.0; partition.len()],
            partition,
            travel,
            states: 100,
            rule: AlbumRule::EachPhoto,
            keep: 5,
        }
    }

    /// Divides the probabilities of the classifier by `frequency^exponent`, where the frequency of a
    /// cell is its share of the training photos: the emission of a hidden Markov model is the
    /// probability of the photo given the cell. 1 is the theory, 0, the default, trusts the
    /// classifier.
    #[must_use]
    pub fn with_prior_removed(mut self, exponent: f64) -> Self {
        let counts = self.partition.counts().iter().map(|&n| n.max(1) as f64);
        self.prior = counts.map(|n| exponent * n.ln()).collect();
        self.prior.resize(self.partition.len(), 0.0);
        self
    }

    /// One result per photo, in order. A photo whose logits are not finite is an error of its own
    /// and takes no part.
    ///
    /// # Errors
    ///
    /// [`AlbumError`] names the photo whose time is before the one before it, or whose number of
    /// logits is not the number of cells.
    pub fn locate(
        &self,
        photos: &[AlbumPhoto],
    ) -> Result<Vec<Result<Estimate, DecodeError>>, AlbumError> {
        self.check(photos)?;
        let mut answers = Vec::with_capacity(photos.len());
        let mut steps: Vec<Step> = Vec::new();
        for (index, photo) in photos.iter().enumerate() {
            match log_softmax(index, &photo.logits) {
                Ok(logs) => {
                    answers.push(Err(DecodeError::NotFinite { index }));
                    steps.push(self.step(index, &logs, photo.seconds));
                }
                Err(e) => answers.push(Err(e)),
            }
        }
        let (timed, untimed): (Vec<Step>, Vec<Step>) =
            steps.into_iter().partition(|step| step.seconds.is_some());
        let alone = untimed.into_iter().map(|step| vec![step]);
        for chain in std::iter::once(timed).chain(alone) {
            for (index, estimate) in self.solve(&chain) {
                if let Some(answer) = answers.get_mut(index) {
                    *answer = Ok(estimate);
                }
            }
        }
        Ok(answers)
    }

    /// Estimates of the photos of a chain, with their positions in the album.
    fn solve(&self, steps: &[Step]) -> Vec<(usize, Estimate)> {
        let transitions = steps.windows(2).map(|pair| match pair {
            [from, to] => self.transition(from, to),
            _ => Vec::new(),
        });
        let chain = Chain {
            transitions: transitions.collect(),
            emissions: steps.iter().map(|step| step.emissions.clone()).collect(),
        };
        let path = chain.best_path();
        let solved = steps.iter().zip(chain.marginals()).zip(path);
        solved
            .filter_map(|((step, marginal), best)| {
                let masses = self.masses(step, &marginal);
                let estimate = match self.rule {
                    AlbumRule::EachPhoto => estimate_from_masses(&masses, self.keep),
                    AlbumRule::WholePath => {
                        let place = self.partition.location(*step.cells.get(best)?)?;
                        estimate_about(place, &masses, self.keep)
                    }
                };
                Some((step.index, estimate?))
            })
            .collect()
    }

    fn check(&self, photos: &[AlbumPhoto]) -> Result<(), AlbumError> {
        let mut last = f64::NEG_INFINITY;
        for (index, photo) in photos.iter().enumerate() {
            let (expected, found) = (self.partition.len(), photo.logits.len());
            if found != expected {
                let source = DecodeError::Width { expected, found };
                return Err(AlbumError::Photo { index, source });
            }
            if let Some(seconds) = photo.seconds {
                if !seconds.is_finite() || seconds < last {
                    return Err(AlbumError::Time { index, seconds });
                }
                last = seconds;
            }
        }
        Ok(())
    }

    fn step(&self, index: usize, logs: &[f64], seconds: Option<f64>) -> Step {
        let mut ranked: Vec<(usize, f64)> = logs
            .iter()
            .zip(&self.prior)
            .map(|(log, prior)| log - prior)
            .enumerate()
            .collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked.truncate(self.states.max(1));
        let (cells, emissions) = ranked.into_iter().unzip();
        Step {
            index,
            seconds,
            cells,
            emissions,
        }
    }

    /// Log-transitions between the states of two photos, normalised over all cells.
    fn transition(&self, from: &Step, to: &Step) -> Vec<Vec<f64>> {
        let places = self.partition.locations();
        // A chain of several photos holds only those with a time.
        let seconds = to.seconds.unwrap_or(0.0) - from.seconds.unwrap_or(0.0);
        let row = |&cell: &usize| {
            // States are cells of the partition.
            let origin = self.partition.location(cell).unwrap_or_default();
            let log = |place: &LatLng| {
                let km = haversine_km(origin, *place);
                self.travel.log_density(km, seconds)
            };
            let all: Vec<f64> = places.iter().map(log).collect();
            let total = log_sum_exp(all.iter().copied());
            let entry = |&cell: &usize| all.get(cell).map_or(f64::NEG_INFINITY, |l| l - total);
            to.cells.iter().map(entry).collect()
        };
        from.cells.iter().map(row).collect()
    }

    fn masses(&self, step: &Step, marginal: &[f64]) -> Vec<PlaceMass> {
        let pairs = step.cells.iter().zip(marginal);
        let mass = |(&cell, &probability)| PlaceMass::of_class(&self.partition, cell, probability);
        pairs.filter_map(mass).collect()
    }
}

/// A photo that takes part.
struct Step {
    index: usize,
    seconds: Option<f64>,
    cells: Vec<usize>,
    emissions: Vec<f64>,
}
