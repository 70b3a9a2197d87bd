//! The one trainer: AdamW over any [`Learner`](crate::core::Learner), exact to resume.
//!
//! Burn's own training loop reads batches from a loader whose order depends on thread timing and
//! whose position is not saved. Here batch number `step` is a pure function of `step`
//! ([`BatchSource`](crate::core::BatchSource)), the device's generator is seeded anew from
//! `(seed, step)`, and a checkpoint holds weights, optimiser state, position and history. A run
//! that was cut off and resumed therefore equals the run that was not.
//!
//! A run can have [`Phase`]s, each with its own learning rate and frozen parts, and
//! [`ParameterGroup`]s that learn faster or slower than the rest:
//!
//! ```
//! use geoloc::trainer::{ParameterGroup, Phase, TrainerConfig};
//!
//! let phase = |steps, learning_rate, frozen: &[&str]| Phase {
//!     steps,
//!     learning_rate,
//!     warmup_steps: 20,
//!     final_rate_share: 1.0,
//!     frozen: frozen.iter().map(|&name| name.to_owned()).collect(),
//! };
//! let config = TrainerConfig {
//!     // First the head alone, then all of it at a lower rate, then down to a hundredth until
//!     // validation has not improved for five times.
//!     phases: vec![
//!         phase(500, 1e-3, &["model.encoder"]),
//!         phase(500, 1e-4, &[]),
//!         Phase { final_rate_share: 0.01, ..phase(2000, 1e-4, &[]) },
//!     ],
//!     steps: 3000,
//!     groups: vec![ParameterGroup { parameters: "model.encoder".into(), rate: 0.1, weight_decay: None }],
//!     validate_every: 100,
//!     patience: Some(5),
//!     ..TrainerConfig::default()
//! };
//! config.validate()?;
//! # Ok::<(), geoloc::trainer::TrainError>(())
//! ```

mod checkpoint;
mod clip;
mod config;
mod error;
mod finite;
mod fit;
mod groups;
mod history;
mod prefetch;
mod progress;
mod run;
mod schedule;

pub use config::TrainerConfig;
pub use error::TrainError;
pub use fit::{Fitted, StopReason, Trainer, Validate};
pub(crate) use groups::begins;
pub use groups::{ParameterGroup, Phase};
pub use history::{History, TrainPoint, ValidationPoint};
pub(crate) use progress::Progress;
pub use progress::ProgressMode;
pub(crate) use run::loss_value;

#[cfg(test)]
mod album_tests;
#[cfg(test)]
mod edge_tests;
#[cfg(test)]
pub(crate) mod tests;
