//! What a model is made for: how usual a photo is among those that it was trained on.
//!
//! Two parts look at a photo, and the larger of their scores counts:
//!
//! - normal densities (a [mixture]) of what the model made of its training photos (its features, averaged
//!   to at most 128 numbers) and of 42 [statistics](picture) of the picture: brightness, contrast, edges,
//!   colours and layout;
//! - three small [networks](network) that tell training photos from [made] pictures, by the same numbers; the
//!   mean of their logits counts. Made pictures have 32 pixels a side: for a model that reads more than 64
//!   they would be told by their blur, so there the networks see the statistics of the picture alone.
//!
//! The scores are scaled on photos held out from the training: 0 is their median, 1 the level that 99 % of
//! them stay below. The threshold is that level of the larger score.

mod density;
mod made;
mod mixture;
mod network;
mod picture;

use burn::tensor::Device;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use self::mixture::Mixture;
use self::network::Network;
use self::picture::Picture;
use super::pipeline::BATCH;
use crate::artifact::{Artifact, ArtifactError};
use crate::core::{Backbone, Domain, Features, mix};
use crate::datasets::{Photo, PhotoSizeError, Preprocess, PreprocessError};
use crate::images::stack;

/// From fewer held-out photos than this no threshold is taken.
pub const LEAST_HELD_OUT: usize = 50;
/// From fewer training photos than this nothing is fitted.
pub const LEAST_TRAINING: usize = 50;
/// Share of held-out photos that stay at or below the threshold.
pub const LEVEL: f64 = 0.99;

/// Numbers that features are averaged to.
const FOLDED: usize = 128;
/// Made pictures for each training photo.
const MADE: usize = 2;
/// Networks that differ in their seed.
const NETWORKS: usize = 3;
/// Largest side of the images of a model whose networks see features.
const LARGEST: u32 = 64;
/// Name of the part in a model file.
const PART: &str = "domain";

/// Why statistics cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DomainError {
    /// Too few photos.
    #[error(
        "statistics of the domain need {LEAST_TRAINING} training photos and {LEAST_HELD_OUT} held out, \
         not {training} and {held_out}"
    )]
    TooFew {
        /// Training photos.
        training: usize,
        /// Photos held out.
        held_out: usize,
    },
    /// A photo could not be prepared for the model.
    #[error(transparent)]
    Input(#[from] PreprocessError),
    /// A made picture is no photo.
    #[error(transparent)]
    Photo(#[from] PhotoSizeError),
    /// The features could not be read, or are not finite.
    #[error("the features of the photos cannot be used: {reason}")]
    Features {
        /// Why.
        reason: String,
    },
}

/// How usual a photo is among those that a model was trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DomainStatistics {
    density: Mixture,
    networks: Vec<Network>,
    /// Whether the networks read features too.
    with_features: bool,
    /// Median and 99 % level of the distance and of the logit on the held-out photos.
    scales: [[f64; 2]; 2],
    threshold: f64,
    /// Photos that it was fitted to.
    training: usize,
    /// Photos that the threshold is from.
    held_out: usize,
}

/// A photo as the statistics see it.
#[derive(Clone, Debug)]
pub(super) struct DescribedPhoto {
    picture: Picture,
    statistics: Vec<f64>,
    features: Vec<f64>,
}

impl DescribedPhoto {
    fn without_features(picture: Picture) -> Self {
        Self {
            statistics: picture.statistics(),
            picture,
            features: Vec::new(),
        }
    }

    /// What a network reads.
    fn read(&self, with_features: bool) -> Vec<f64> {
        if with_features {
            self.vector()
        } else {
            self.statistics.clone()
        }
    }

    fn vector(&self) -> Vec<f64> {
        [self.features.as_slice(), &self.statistics].concat()
    }

    /// Photos prepared for a model, with the features that its encoder gave.
    ///
    /// # Errors
    ///
    /// [`DomainError::Features`].
    pub(super) fn all(
        prepared: &[Vec<f32>],
        input: &Preprocess,
        features: Features,
    ) -> Result<Vec<Self>, DomainError> {
        let pooled = match features.tokens {
            Some(tokens) => tokens.mean_dim(1).squeeze_dim::<2>(1),
            None => features.pooled,
        };
        let [_, width] = pooled.dims();
        let failed = |reason: String| DomainError::Features { reason };
        let values = pooled.try_into_vec_as::<f32>();
        let values = values.map_err(|e| failed(e.to_string()))?;
        let rows = values.chunks_exact(width.max(1));
        Ok(prepared
            .iter()
            .zip(rows)
            .map(|(image, row)| {
                let picture = Picture::of(image, input);
                Self {
                    statistics: picture.statistics(),
                    picture,
                    features: folded(row),
                }
            })
            .collect())
    }
}

/// Means over runs of neighbours of equal length: at most [`FOLDED`] numbers.
fn folded(row: &[f32]) -> Vec<f64> {
    let run = row.len().div_ceil(FOLDED).max(1);
    let mean = |run: &[f32]| run.iter().map(|&v| f64::from(v)).sum::<f64>() / run.len() as f64;
    row.chunks(run).map(mean).collect()
}

/// Photos as the statistics see them: small, whatever the size of the photos.
#[derive(Clone, Debug, Default)]
pub struct DomainPhotos(Vec<DescribedPhoto>);

impl DomainPhotos {
    /// Adds photos, described with an encoder in inference mode.
    ///
    /// # Errors
    ///
    /// [`DomainError`].
    pub fn add<E: Backbone>(
        &mut self,
        encoder: &E,
        input: &Preprocess,
        photos: &[Photo],
        device: &Device,
    ) -> Result<(), DomainError> {
        for chunk in photos.chunks(BATCH) {
            let prepared = chunk.iter().map(|photo| input.apply(photo));
            let prepared: Vec<Vec<f32>> = prepared.collect::<Result<_, _>>()?;
            let features = encoder.encode(stack(&prepared, input, device));
            let described = DescribedPhoto::all(&prepared, input, features)?;
            self.0.extend(described);
        }
        Ok(())
    }
}

impl DomainStatistics {
    /// Fits densities and networks to `training`, scales and threshold to `held_out`: photos of the same kind
    /// that the model was not trained on. The encoder must be in inference mode.
    ///
    /// # Errors
    ///
    /// [`DomainError`] for too few photos, photos that cannot be prepared, and features that are not finite.
    pub fn fit<E: Backbone>(
        encoder: &E,
        input: &Preprocess,
        [training, held_out]: &[DomainPhotos; 2],
        device: &Device,
        seed: u64,
    ) -> Result<Self, DomainError> {
        let pictures: Vec<Picture> = training.0.iter().map(|p| p.picture.clone()).collect();
        let made: Vec<Picture> = (0..(MADE * pictures.len()) as u64)
            .into_par_iter()
            .map(|number| made::made(&pictures, number, seed))
            .collect();
        let (width, height) = input.output_size();
        let made = if width.max(height) > LARGEST {
            made.into_iter()
                .map(DescribedPhoto::without_features)
                .collect()
        } else {
            let photos = made.iter().map(Picture::photo);
            let photos: Vec<Photo> = photos.collect::<Result<_, _>>()?;
            let mut described = DomainPhotos::default();
            described.add(encoder, input, &photos, device)?;
            described.0
        };
        Self::fit_described(&training.0, &held_out.0, &made, seed)
    }

    /// As [`fit`](Self::fit); made pictures without features make networks that see none.
    fn fit_described(
        training: &[DescribedPhoto],
        held_out: &[DescribedPhoto],
        made: &[DescribedPhoto],
        seed: u64,
    ) -> Result<Self, DomainError> {
        if training.len() < LEAST_TRAINING || held_out.len() < LEAST_HELD_OUT {
            return Err(DomainError::TooFew {
                training: training.len(),
                held_out: held_out.len(),
            });
        }
        let vectors: Vec<Vec<f64>> = training.iter().map(DescribedPhoto::vector).collect();
        let density = Mixture::fit(&vectors, seed).ok_or_else(|| DomainError::Features {
            reason: "they have no finite covariance".into(),
        })?;
        let with_features = made.iter().all(|p| !p.features.is_empty());
        let read = |photos: &[DescribedPhoto]| -> Vec<Vec<f64>> {
            photos.iter().map(|p| p.read(with_features)).collect()
        };
        let (usual, made) = (read(training), read(made));
        let mut found = Self {
            networks: (0..NETWORKS as u64)
                .into_par_iter()
                .map(|k| Network::train(&usual, &made, mix(seed, k)))
                .collect(),
            with_features,
            density,
            scales: [[0.0, 1.0]; 2],
            threshold: 0.0,
            training: training.len(),
            held_out: held_out.len(),
        };
        let parts: Vec<[f64; 2]> = held_out.iter().map(|p| found.parts(p)).collect();
        for (part, scale) in found.scales.iter_mut().enumerate() {
            let values: Vec<f64> = parts.iter().filter_map(|p| p.get(part).copied()).collect();
            let median = level(&values, 0.5);
            *scale = [median, level(&values, LEVEL).max(median + 1e-6)];
        }
        let scores: Vec<f64> = held_out.iter().map(|p| found.score(p)).collect();
        found.threshold = level(&scores, LEVEL);
        if !found.is_sound() {
            return Err(DomainError::Features {
                reason: "their scores are not finite".into(),
            });
        }
        Ok(found)
    }

    fn parts(&self, photo: &DescribedPhoto) -> [f64; 2] {
        let read = photo.read(self.with_features);
        let logits = self.networks.iter().map(|n| n.logit(&read));
        [
            self.density.distance(&photo.vector()),
            logits.sum::<f64>() / NETWORKS as f64,
        ]
    }

    fn score(&self, photo: &DescribedPhoto) -> f64 {
        let both = self.parts(photo).into_iter().zip(self.scales);
        both.map(|(value, [median, high])| (value - median) / (high - median))
            .fold(f64::NEG_INFINITY, f64::max)
    }

    /// Whether a photo is of the kind that the model was trained on; [`Domain::Unknown`] if its features
    /// are of another width than those that the statistics were fitted to.
    pub(super) fn check(&self, photo: &DescribedPhoto) -> Domain {
        let score = self.score(photo);
        let threshold = self.threshold;
        if photo.features.len() + photo.statistics.len() != self.density.dim() {
            Domain::Unknown
        } else if score <= threshold {
            Domain::Inside { score, threshold }
        } else {
            Domain::Outside { score, threshold }
        }
    }

    fn is_sound(&self) -> bool {
        let statistics = Picture(vec![0.0; Picture::LEN]).statistics().len();
        let inputs = if self.with_features {
            self.density.dim()
        } else {
            statistics
        };
        let numbers = self.scales.iter().flatten().chain([&self.threshold]);
        self.density.is_sound()
            && self.density.dim() >= statistics
            && self.networks.len() == NETWORKS
            && self.networks.iter().all(|n| n.fits(inputs))
            && numbers.into_iter().all(|v| v.is_finite())
            && self.scales.iter().all(|[median, high]| high > median)
    }
}

/// The smallest value that a share of the values does not pass.
fn level(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied().unwrap_or(0.0)
}

impl Artifact {
    /// Adds the statistics of the domain of a component as `<name>/domain`.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Part`] if they have no JSON form.
    pub fn insert_domain(
        &mut self,
        name: &str,
        domain: &DomainStatistics,
    ) -> Result<(), ArtifactError> {
        let bytes = serde_json::to_vec(domain).map_err(|e| unusable(name, e.to_string()))?;
        self.insert_bytes(name, PART, bytes);
        Ok(())
    }

    /// The statistics of the domain of a component; `None` if the file has none for it.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Part`] if they cannot be used.
    pub fn domain(&self, name: &str) -> Result<Option<DomainStatistics>, ArtifactError> {
        let Some(bytes) = self.optional_bytes(name, PART)? else {
            return Ok(None);
        };
        let found: DomainStatistics =
            serde_json::from_slice(&bytes).map_err(|e| unusable(name, e.to_string()))?;
        if found.is_sound() {
            Ok(Some(found))
        } else {
            Err(unusable(name, "its numbers do not fit each other".into()))
        }
    }
}

fn unusable(name: &str, reason: String) -> ArtifactError {
    ArtifactError::Part {
        part: format!("{name}/{PART}"),
        reason,
    }
}

#[cfg(test)]
mod tests;
