//! Cross-entropy against targets that are smoothed by distance on the ground.

use std::sync::Arc;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{CellLogits, CosineLogits, Loss, TargetEncoder, TargetError};
use geoloc_geo_cells::{EarthRadius, LatLng, Partition, haversine_km_with};

/// Which distance gets the target 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SmoothingAnchor {
    /// The distance to the nearest cell place, as the code of PIGEON (Haas et al. 2024): the
    /// largest target is exactly 1, and the cell that the photo lies in may get less.
    #[default]
    NearestCell,
    /// The distance to the place of the cell that the photo lies in, as the formula of the paper:
    /// that cell gets exactly 1, and a nearer place of another cell gets *more* than 1.
    OwnCell,
}

/// Soft targets `y_i = exp(-(d(x, g_i) - d_0) / τ)` with the great-circle distance `d`, the places
/// `g_i` of the cells and `d_0` chosen by the anchor.
///
/// Both anchors exist with and without normalisation to sum 1. Normalised, the anchor cancels
/// out and both give the same targets. Without it, as PIGEON has it, the scale of the loss varies
/// with the density of cells about the photo.
#[derive(Clone, Debug)]
pub struct SmoothedCells {
    partition: Arc<Partition>,
    /// Length of the smoothing τ in km.
    pub tau_km: f64,
    /// What gets the target 1.
    pub anchor: SmoothingAnchor,
    /// Whether the targets of an item sum to 1.
    pub normalize: bool,
    /// Radius of the sphere.
    pub radius: EarthRadius,
}

impl SmoothedCells {
    /// PIGEON as its code has it: nearest cell, not normalised, τ = 75 km, equatorial radius.
    #[must_use]
    pub fn pigeon(partition: Arc<Partition>) -> Self {
        Self {
            partition,
            tau_km: 75.0,
            anchor: SmoothingAnchor::NearestCell,
            normalize: false,
            radius: EarthRadius::Equatorial,
        }
    }

    /// Normalised targets on the mean sphere.
    #[must_use]
    pub fn normalized(partition: Arc<Partition>, tau_km: f64) -> Self {
        Self {
            partition,
            tau_km,
            anchor: SmoothingAnchor::NearestCell,
            normalize: true,
            radius: EarthRadius::Mean,
        }
    }

    /// The targets of one place, one number a cell.
    fn row(&self, index: usize, location: LatLng) -> Result<Vec<f64>, TargetError> {
        // An exponent above this only arises for an own cell thousands of km off.
        const MAX_EXPONENT: f64 = 80.0;
        let outside = TargetError::OutsidePartition { index, location };
        let places = self.partition.locations();
        let distances: Vec<f64> = places
            .iter()
            .map(|&place| haversine_km_with(location, place, self.radius))
            .collect();
        let nearest = distances.iter().copied().fold(f64::INFINITY, f64::min);
        let anchor = match self.anchor {
            _ if self.normalize => nearest,
            SmoothingAnchor::NearestCell => nearest,
            SmoothingAnchor::OwnCell => self
                .partition
                .index_of(location)
                .and_then(|class| distances.get(class).copied())
                .ok_or(outside.clone())?,
        };
        if !anchor.is_finite() {
            return Err(outside);
        }
        let tau = self.tau_km.max(1e-9);
        let mut row: Vec<f64> = distances
            .iter()
            .map(|d| ((anchor - d) / tau).min(MAX_EXPONENT).exp())
            .collect();
        if self.normalize {
            let sum: f64 = row.iter().sum();
            for y in &mut row {
                *y /= sum;
            }
        }
        Ok(row)
    }
}

impl TargetEncoder for SmoothedCells {
    /// `[batch, cells]`.
    type Target = Tensor<2>;

    /// # Errors
    ///
    /// With [`SmoothingAnchor::OwnCell`] and without normalisation,
    /// [`TargetError::OutsidePartition`] for a place in no cell; else only for a partition without
    /// cells.
    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<Self::Target, TargetError> {
        let mut values = Vec::with_capacity(truth.len() * self.partition.len());
        for (index, &place) in truth.iter().enumerate() {
            values.extend(self.row(index, place)?.iter().map(|&y| y as f32));
        }
        let shape = [truth.len(), self.partition.len()];
        Ok(Tensor::from_data(TensorData::new(values, shape), device))
    }
}

/// Cross-entropy against soft targets: `-Σ_i y_i ln p_i`, the mean over the batch. Targets need
/// not sum to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SoftCrossEntropy;

impl Loss<CellLogits> for SoftCrossEntropy {
    type Target = Tensor<2>;

    fn forward(&self, output: &CellLogits, target: &Tensor<2>) -> Tensor<1> {
        let log_p = log_softmax(output.0.clone(), 1);
        (log_p * target.clone()).sum_dim(1).mean().neg()
    }
}

impl Loss<CosineLogits> for SoftCrossEntropy {
    type Target = Tensor<2>;

    fn forward(&self, output: &CosineLogits, target: &Tensor<2>) -> Tensor<1> {
        self.forward(&output.logits(), target)
    }
}

#[cfg(test)]
#[path = "smoothed_tests.rs"]
mod tests;
