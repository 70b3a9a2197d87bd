//! Batches of labelled photos.

use std::sync::Arc;

use burn::tensor::Device;
use thiserror::Error;

use super::inputs::{InputError, PhotoInputs};
use crate::approach::{PhotoLabel, PhotoTargets};
use crate::core::{BatchError, BatchSource, GeoBatch, Learner};
use crate::epochs::EpochOrder;
use crate::seed::mix;

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
        })
    }

    /// The photos `rows` of the data set as one batch; changed at random if `first` is given.
    fn make(
        &self,
        rows: &[usize],
        first: Option<u64>,
        seed: u64,
        device: &Device,
    ) -> Result<GeoBatch<I::Input, T::Target>, InputError> {
        let label = |row: &usize| self.labels.get(*row).copied();
        let labels: Vec<PhotoLabel> = rows.iter().filter_map(label).collect();
        Ok(GeoBatch {
            input: self.inputs.inputs(rows, first, device)?,
            target: self.targets.encode(&labels, seed, device)?,
            truth: labels.iter().map(|l| l.location).collect(),
        })
    }

    /// The mean loss over other photos of the data set, unchanged and in their order.
    ///
    /// # Errors
    ///
    /// The first photo that cannot be read or has no target.
    pub fn loss_over<M>(
        &self,
        learner: &M,
        rows: &[usize],
        device: &Device,
    ) -> Result<f64, InputError>
    where
        M: Learner<Batch = GeoBatch<I::Input, T::Target>>,
    {
        let (mut sum, mut count) = (0.0, 0);
        for (k, chunk) in rows.chunks(self.batch).enumerate() {
            let batch = self.make(chunk, None, mix(self.seed, !(k as u64)), device)?;
            let loss = learner.loss(batch).try_into_vec_as::<f32>();
            let loss = loss.map_err(|e| e.to_string())?;
            let loss = loss.first().copied().unwrap_or(f32::NAN);
            sum += f64::from(loss) * chunk.len() as f64;
            count += chunk.len();
        }
        Ok(sum / count.max(1) as f64)
    }
}

impl<I: PhotoInputs, T: PhotoTargets> BatchSource for PhotoBatches<I, T> {
    type Batch = GeoBatch<I::Input, T::Target>;

    fn batch(&self, step: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        let first = step * self.batch as u64;
        let draw = |index| self.rows.get(self.order.row(index)).copied();
        let numbers = first..first + self.batch as u64;
        let rows: Vec<usize> = numbers.filter_map(draw).collect();
        self.make(&rows, Some(first), mix(self.seed, step), device)
            .map_err(|source| BatchError { step, source })
    }
}
