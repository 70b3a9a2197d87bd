//! Losses, and the targets that they compare with.

use std::fmt::Debug;

use burn::tensor::{Device, Tensor};
use geoloc_geo_cells::LatLng;
use thiserror::Error;

use crate::mix;

/// A loss over outputs of type `O`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a loss over `{O}`",
    label = "this loss does not fit the output of the head"
)]
pub trait Loss<O>: Clone + Send + Debug + 'static {
    /// What it compares the output with.
    type Target: Clone + Send + 'static;

    /// The mean loss of a batch, `[1]`.
    ///
    /// # Panics
    ///
    /// Burn panics if output and target do not have the same batch size.
    fn forward(&self, output: &O, target: &Self::Target) -> Tensor<1>;
}

/// Turns true places into targets on the device; the only owner of "what is the right answer".
pub trait TargetEncoder: Clone + Send + Sync + Debug + 'static {
    /// What it makes of a batch of places.
    type Target: Clone + Send + 'static;

    /// Encodes a batch of true places.
    ///
    /// # Errors
    ///
    /// [`TargetError`] names the first place that has no target.
    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<Self::Target, TargetError>;

    /// As [`encode`](Self::encode), for targets with random parts: equal seeds give equal targets.
    /// A source of batches passes a seed made from its own and the number of the batch.
    ///
    /// Targets without random parts need not implement it; it ignores the seed.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    fn encode_seeded(
        &self,
        truth: &[LatLng],
        seed: u64,
        device: &Device,
    ) -> Result<Self::Target, TargetError> {
        let _ = seed;
        self.encode(truth, device)
    }
}

/// Targets of two tasks, for losses over [`TwoTasks`](crate::TwoTasks).
impl<A: TargetEncoder, B: TargetEncoder> TargetEncoder for (A, B) {
    type Target = (A::Target, B::Target);

    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<Self::Target, TargetError> {
        Ok((self.0.encode(truth, device)?, self.1.encode(truth, device)?))
    }

    fn encode_seeded(
        &self,
        truth: &[LatLng],
        seed: u64,
        device: &Device,
    ) -> Result<Self::Target, TargetError> {
        Ok((
            self.0.encode_seeded(truth, mix(seed, 0), device)?,
            self.1.encode_seeded(truth, mix(seed, 1), device)?,
        ))
    }
}

/// Why a place has no target.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The place lies in no cell of the partition.
    #[error("item {index} of the batch, at {location}, lies in no cell of the partition")]
    OutsidePartition {
        /// Position in the batch.
        index: usize,
        /// The place.
        location: LatLng,
    },
    /// The target could not be made for another reason.
    #[error("the target could not be made: {reason}")]
    Other {
        /// What went wrong.
        reason: String,
    },
    /// The photo lacks a label that the target is made from.
    #[error("item {index} of the batch has no {what}")]
    NoLabel {
        /// Position in the batch.
        index: usize,
        /// What is missing.
        what: &'static str,
    },
}
