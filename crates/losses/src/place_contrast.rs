//! Contrast of images with places, and the queue of places.

use burn::tensor::{Bool, Device, Tensor, TensorData};
use geoloc_core::{Loss, PlaceEmbeddings};
use geoloc_geo_cells::{LatLng, haversine_km};

use crate::log_sum_exp::{EXCLUDED, class_mask, log_sum_exp};

/// The places of the `length` items before batch number `step`, oldest first: what a first-in
/// first-out queue of coordinates (`GeoCLIP`, Vivanco Cepeda et al. 2023) holds at that step.
///
/// `place(i)` is the place of item `i` of the training sequence; batch `step` holds the items from
/// `step * batch` on. The queue is thus a function of the step, and a resumed run has the queue of
/// the uninterrupted one. Its length need not be a multiple of the batch. In the first steps it is
/// shorter; the published code fills it with places drawn at random.
///
/// # Errors
///
/// The first error of `place`.
pub fn queued_places<E>(
    step: u64,
    batch: u64,
    length: u64,
    place: impl Fn(u64) -> Result<LatLng, E>,
) -> Result<Vec<LatLng>, E> {
    let end = step.saturating_mul(batch);
    (end.saturating_sub(length)..end).map(place).collect()
}

/// Which places are left out for each image.
#[derive(Clone, Debug)]
pub struct PlaceMask {
    /// `[batch, places]`, true where place `j` is neither right nor wrong for image `i`; `None` if
    /// nothing is left out. Never true at the image's own place, column `i`.
    pub ignore: Option<Tensor<2, Bool>>,
}

/// Leaves out wrong places that are nearer than a radius. The published loss leaves out none, so
/// that a place that comes twice counts against itself.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct PlaceMasks {
    /// In km; 0 leaves out none.
    pub radius_km: f64,
}

impl PlaceMasks {
    /// The mask of a batch and its queue, whose places follow those of the batch.
    #[must_use]
    pub fn mask(&self, truth: &[LatLng], queue: &[LatLng], device: &Device) -> PlaceMask {
        let places = truth.len() + queue.len();
        let mut ignore = Vec::with_capacity(truth.len() * places);
        for (i, &own) in truth.iter().enumerate() {
            for (j, &other) in truth.iter().chain(queue).enumerate() {
                ignore.push(i != j && haversine_km(own, other) < self.radius_km);
            }
        }
        let ignore = ignore
            .contains(&true)
            .then(|| Tensor::from_data(TensorData::new(ignore, [truth.len(), places]), device));
        PlaceMask { ignore }
    }
}

/// Cross-entropy of each image over the places of the batch and of the queue, from images to places
/// only, as `GeoCLIP`: the mean of `-ln(e^(s c_ii) / Σ_j e^(s c_ij))` with cosines `c`.
///
/// Place `i` belongs to image `i`; there may be more places than images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PlaceContrast;

impl Loss<PlaceEmbeddings> for PlaceContrast {
    type Target = PlaceMask;

    fn forward(&self, output: &PlaceEmbeddings, target: &PlaceMask) -> Tensor<1> {
        let cosine = output
            .image
            .clone()
            .matmul(output.places.clone().transpose());
        let [batch, places] = cosine.dims();
        let logits = cosine * output.scale.clone().unsqueeze::<2>();
        let own = Tensor::arange(0..batch as i64, &logits.device());
        let wrong = class_mask(own, places).bool_not();
        let right = logits.clone().mask_fill(wrong, 0.0).sum_dim(1);
        let kept = match &target.ignore {
            Some(ignore) => logits.mask_fill(ignore.clone(), EXCLUDED),
            None => logits,
        };
        (log_sum_exp(kept, 1) - right).mean()
    }
}

#[cfg(test)]
#[path = "place_contrast_tests.rs"]
mod tests;
