//! Batches of labelled photos.

use std::sync::Arc;

use burn::tensor::Device;
use thiserror::Error;

use super::inputs::{InputError, PhotoInputs};
use super::places::{PlaceDrawError, check_places, same_places};
use crate::approach::{PhotoLabel, PhotoTargets};
use crate::core::{BatchError, BatchSource, GeoBatch, Learner};
use crate::epochs::EpochOrder;
use crate::geo_cells::LatLng;
use crate::seed::mix;
use crate::trainer::loss_value;

/// Labelled photos for the trainer. Every epoch takes each photo once, in an order that depends on
/// seed and epoch alone; the rest of an epoch that fills no batch goes into the first batch of the
/// next.
#[derive(Debug)]
pub struct PhotoBatches<I, T> {
    inputs: I,
    labels: Arc<[PhotoLabel]>,
    rows: Vec<usize>,
    targets: T,
    batch: usize,
    seed: u64,
    order: EpochOrder,
    lone: usize,
}

/// There is nothing to make batches of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{rows} photos in batches of {batch}")]
pub struct NoPhotos {
    /// Number of photos.
    pub rows: usize,
    /// Photos of a batch.
    pub batch: usize,
}

impl<I: PhotoInputs, T: PhotoTargets> PhotoBatches<I, T> {
    /// Batches of the photos `rows` of a data set with these labels.
    ///
    /// # Errors
    ///
    /// [`NoPhotos`] without photos, or in batches of none.
    pub fn new(
        inputs: I,
        labels: Arc<[PhotoLabel]>,
        rows: Vec<usize>,
        targets: T,
        batch: usize,
        seed: u64,
    ) -> Result<Self, NoPhotos> {
        if rows.is_empty() || batch == 0 {
            let rows = rows.len();
            return Err(NoPhotos { rows, batch });
        }
        Ok(Self {
            order: EpochOrder::new(rows.len(), seed),
            inputs,
            labels,
            rows,
            targets,
            batch,
            seed,
            lone: 0,
        })
    }

    /// Draws place by place: with P times K photos in a batch and `photos` = K, a batch shows P
    /// places with K photos each, as losses over pairs need them.
    ///
    /// Photos of one place are at most `width_km` apart. An epoch takes every place once, with K of
    /// its photos, which each epoch draws anew. A place with fewer than K gives all it has and none
    /// twice, so that a batch then shows more places, and may end within one. A photo alone at its
    /// place has no pair and is not drawn; [`lone`](Self::lone) counts them.
    ///
    /// # Errors
    ///
    /// [`PlaceDrawError`] if K is below 2, the batch is not P times K with P of at least 2, the width
    /// is no distance, there are too few places, or a photo has no label.
    pub fn by_place(mut self, photos: usize, width_km: f64) -> Result<Self, PlaceDrawError> {
        let batch = self.batch;
        check_places(batch, photos)?;
        let location = |&row: &usize| match self.labels.get(row) {
            Some(label) => Ok(label.location),
            None => Err(PlaceDrawError::NoLabel { row }),
        };
        let locations = self.rows.iter().map(location);
        let locations = locations.collect::<Result<Vec<LatLng>, _>>()?;
        let mut places = same_places(&locations, width_km)?;
        let all = places.len();
        places.retain(|place| place.len() > 1);
        self.lone = all - places.len();
        let count = places.len();
        let order = EpochOrder::of_places(places, photos, self.seed);
        if count < 2 || order.epoch_len() < batch {
            return Err(PlaceDrawError::Few {
                places: count,
                photos: order.epoch_len(),
                batch,
                width_km,
            });
        }
        self.order = order;
        Ok(self)
    }

    /// Photos that are not drawn because no other one is at their place.
    #[must_use]
    pub fn lone(&self) -> usize {
        self.lone
    }

    /// The photos `rows` of the data set as one batch; changed at random if `first` is given.
    fn make(
        &self,
        rows: &[usize],
        first: Option<u64>,
        seed: u64,
        device: &Device,
    ) -> Result<GeoBatch<I::Input, T::Target>, InputError> {
        let label = |&row: &usize| match self.labels.get(row) {
            Some(label) => Ok(*label),
            None => Err(format!("photo {row} has no label")),
        };
        let labels = rows.iter().map(label);
        let labels = labels.collect::<Result<Vec<PhotoLabel>, _>>()?;
        Ok(GeoBatch {
            input: self.inputs.inputs(rows, first, device)?,
            target: self.targets.encode(&labels, seed, device)?,
            truth: labels.iter().map(|l| l.location).collect(),
        })
    }

    /// The mean loss over batches of other photos of the data set, unchanged.
    ///
    /// # Errors
    ///
    /// The first photo that cannot be read or has no target; that there are no photos.
    pub fn loss_over<M>(
        &self,
        learner: &M,
        batches: &[Vec<usize>],
        device: &Device,
    ) -> Result<f64, InputError>
    where
        M: Learner<Batch = GeoBatch<I::Input, T::Target>>,
    {
        let (mut sum, mut count) = (0.0, 0);
        for (k, rows) in batches.iter().enumerate() {
            let batch = self.make(rows, None, mix(self.seed, !(k as u64)), device)?;
            sum += loss_value(learner.loss(batch))? * rows.len() as f64;
            count += rows.len();
        }
        if count == 0 {
            return Err("there are no photos to validate with".into());
        }
        Ok(sum / count as f64)
    }
}

impl<I: PhotoInputs, T: PhotoTargets> BatchSource for PhotoBatches<I, T> {
    type Batch = GeoBatch<I::Input, T::Target>;

    fn batch(&self, step: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        let first = step * self.batch as u64;
        let draw = |index| {
            let row = self.rows.get(self.order.row(index)).copied();
            row.ok_or_else(|| InputError::from(format!("draw {index} is of no photo")))
        };
        (first..first + self.batch as u64)
            .map(draw)
            .collect::<Result<Vec<usize>, _>>()
            .and_then(|rows| self.make(&rows, Some(first), mix(self.seed, step), device))
            .map_err(|source| BatchError { step, source })
    }
}

#[cfg(test)]
#[path = "batches_tests.rs"]
mod tests;
