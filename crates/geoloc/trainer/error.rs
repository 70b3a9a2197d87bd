//! What can go wrong in training.

use std::path::PathBuf;

use thiserror::Error;

use crate::core::BatchError;

/// Why a training run ended without a model.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A setting is out of range, or contradicts another one.
    #[error("the trainer setting `{field}` is out of range")]
    Config {
        /// The setting.
        field: &'static str,
    },
    /// A phase or group names parameters that the model does not have.
    #[error("no parameter begins with `{prefix}`; there are {known:?}")]
    NoParameters {
        /// What was asked for.
        prefix: String,
        /// Beginnings that there are.
        known: Vec<String>,
    },
    /// A batch could not be made.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The loss became NaN or infinite; the last checkpoint is from before that.
    #[error(
        "the loss of step {step} is {loss}: lower the learning rate ({learning_rate:e} at this \
         step) or check the data; the last checkpoint is from before this step"
    )]
    Diverged {
        /// Step, counted from 0.
        step: u64,
        /// The loss.
        loss: f64,
        /// The learning rate of the step.
        learning_rate: f64,
    },
    /// A step made a parameter NaN or infinite although its loss was finite; such a model is not
    /// written, the last checkpoint is from before that.
    #[error(
        "after step {step} a parameter is not finite: lower the learning rate ({learning_rate:e} at \
         this step) or limit the gradients; the last checkpoint is from before that"
    )]
    NotFinite {
        /// Number of steps taken.
        step: u64,
        /// The learning rate of the last step.
        learning_rate: f64,
    },
    /// The interrupt flag ended the run before its last step, see [`Fitted::complete`](super::Fitted::complete).
    #[error("interrupted after step {step}: the same command resumes from the checkpoint")]
    Interrupted {
        /// Number of steps taken.
        step: u64,
    },
    /// The validation failed.
    #[error("validation after step {step} failed: {source}")]
    Validation {
        /// Number of steps taken.
        step: u64,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A checkpoint could not be written or read.
    #[error("checkpoint {path}: {reason}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What was wrong.
        reason: String,
    },
    /// The checkpoint belongs to a run with other settings.
    #[error(
        "checkpoint {path} was written by a run with other settings; remove it to start anew, or \
         restore the settings: {theirs} there, {ours} here"
    )]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// Settings of the run that wrote it.
        theirs: String,
        /// Settings of this run.
        ours: String,
    },
    /// A tensor could not be read from its device.
    #[error("reading the loss from the device failed: {reason}")]
    Device {
        /// What burn said.
        reason: String,
    },
    /// The thread that makes batches ended early.
    #[error("the thread that makes batches ended before step {step}")]
    Prefetch {
        /// The step whose batch is missing.
        step: u64,
    },
}
