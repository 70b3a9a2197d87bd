//! Contrast of images with places, and the places they are compared with.

use std::collections::HashSet;

use burn::tensor::{Bool, Device, Tensor, TensorData};
use geoloc_core::{Loss, PlaceEmbeddings, mix};
use geoloc_geo_cells::{LatLng, haversine_km};

use crate::log_sum_exp::{EXCLUDED, class_mask, log_sum_exp};

/// `length` of the `places`, drawn with replacement by a seed, none of which is one of `own`: further
/// places that a batch with the places `own` is compared with, in the stead of the queue of earlier
/// batches (`GeoCLIP`, Vivanco Cepeda et al. 2023). A place of the batch among them would be a wrong
/// answer that is right.
///
/// Fewer are given only where nearly all of `places` are among `own`: after 16 draws for each.
#[must_use]
pub fn draw_places(places: &[LatLng], own: &[LatLng], length: usize, seed: u64) -> Vec<LatLng> {
    let key = |place: &LatLng| (place.lat().to_bits(), place.lng().to_bits());
    let own: HashSet<(u64, u64)> = own.iter().map(key).collect();
    let count = places.len() as u64;
    if count == 0 {
        return Vec::new();
    }
    (0..16 * length as u64)
        .filter_map(|k| places.get((mix(seed, k) % count) as usize))
        .filter(|place| !own.contains(&key(place)))
        .take(length)
        .copied()
        .collect()
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
        // Nothing is nearer than 0: no distance is needed.
        if self.radius_km <= 0.0 {
            return PlaceMask { ignore: None };
        }
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
