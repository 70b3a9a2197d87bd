//! Batches, and where the trainer gets them from.

use burn::tensor::Device;
use geoloc_geo_cells::LatLng;
use thiserror::Error;

/// A batch for one encoder, one head and one loss.
#[derive(Clone, Debug)]
pub struct GeoBatch<I, T> {
    /// What the encoder reads, for instance images `[batch, 3, height, width]`.
    pub input: I,
    /// What the loss compares with.
    pub target: T,
    /// The true places, on the host, in the order of the batch.
    pub truth: Vec<LatLng>,
}

/// A batch of pairs for a two-branch model.
#[derive(Clone, Debug)]
pub struct PairBatch<I, T> {
    /// Input of the query branch.
    pub query: I,
    /// Input of the aerial branch, row by row the same places.
    pub aerial: I,
    /// What the loss compares with.
    pub target: T,
    /// The true places, on the host, in the order of the batch.
    pub truth: Vec<LatLng>,
}

/// A source of training batches in which batch number `step` is a pure function of `step`.
///
/// This is what makes a resumed run equal to an uninterrupted one: no generator state has to be
/// saved, and batches may be made ahead by another thread.
pub trait BatchSource: Send + Sync {
    /// What it makes.
    type Batch: Send + 'static;

    /// Makes batch number `step`, counted from 0.
    ///
    /// # Errors
    ///
    /// [`BatchError`] if the data of this step cannot be had.
    fn batch(&self, step: u64, device: &Device) -> Result<Self::Batch, BatchError>;
}

/// Why a batch could not be made.
#[derive(Debug, Error)]
#[error("batch {step} could not be made: {source}")]
pub struct BatchError {
    /// Number of the batch.
    pub step: u64,
    /// What went wrong.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
