//! The one trainer: AdamW over any [`Learner`](crate::core::Learner), exact to resume.
//!
//! Burn's own training loop reads batches from a loader whose order depends on thread timing and
//! whose position is not saved. Here batch number `step` is a pure function of `step`
//! ([`BatchSource`](crate::core::BatchSource)), the device's generator is seeded anew from
//! `(seed, step)`, and a checkpoint holds weights, optimiser state, position and history. A run
//! that was cut off and resumed therefore equals the run that was not.

mod checkpoint;
mod clip;
mod config;
mod error;
mod fit;
mod history;
mod prefetch;
mod progress;
mod schedule;

pub use config::TrainerConfig;
pub use error::TrainError;
pub use fit::{Fitted, StopReason, Trainer, Validate};
pub use history::{History, TrainPoint, ValidationPoint};
pub use progress::ProgressMode;

#[cfg(test)]
mod tests;
