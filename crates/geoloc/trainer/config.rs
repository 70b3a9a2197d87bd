//! Settings of a training run.

use serde::{Deserialize, Serialize};

use super::TrainError;

/// Settings of a training run; part of the artifact and of every checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainerConfig {
    /// Number of optimiser steps.
    pub steps: u64,
    /// Highest learning rate, reached after the warm-up.
    pub learning_rate: f64,
    /// The learning rate rises linearly from 0 during this many steps.
    pub warmup_steps: u64,
    /// The learning rate then falls along a half cosine to this share of the highest.
    pub final_rate_share: f64,
    /// Decoupled weight decay of AdamW (Loshchilov and Hutter 2019).
    pub weight_decay: f32,
    /// Gradients are scaled down to this norm, taken over all parameters together; `None` for no
    /// limit.
    pub clip_norm: Option<f64>,
    /// Seed of dropout and of every other random choice on the device.
    pub seed: u64,
    /// Validate after every so many steps, and after the last; 0 for never.
    pub validate_every: u64,
    /// Stop after this many validations in a row without a lower validation loss; `None` to train
    /// all steps. The best weights are returned.
    pub patience: Option<u64>,
    /// Write a checkpoint after every so many steps, and after the last; 0 for the last only.
    pub checkpoint_every: u64,
    /// Steps that are averaged into one point of the loss curve.
    pub log_every: u64,
}

impl Default for TrainerConfig {
    fn default() -> Self {
        Self {
            steps: 1_000,
            learning_rate: 1e-3,
            warmup_steps: 50,
            final_rate_share: 0.01,
            weight_decay: 1e-4,
            clip_norm: Some(1.0),
            seed: 0,
            validate_every: 0,
            patience: None,
            checkpoint_every: 100,
            log_every: 10,
        }
    }
}

impl TrainerConfig {
    /// Checks the numbers.
    ///
    /// # Errors
    ///
    /// [`TrainError::Config`] names the first field that makes no sense.
    pub fn validate(&self) -> Result<(), TrainError> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let checks = [
            ("steps", self.steps > 0),
            ("learning_rate", positive(self.learning_rate)),
            (
                "final_rate_share",
                (0.0..=1.0).contains(&self.final_rate_share),
            ),
            (
                "weight_decay",
                self.weight_decay.is_finite() && self.weight_decay >= 0.0,
            ),
            ("clip_norm", self.clip_norm.is_none_or(positive)),
            ("log_every", self.log_every > 0),
            (
                "patience (needs validate_every)",
                self.patience.is_none() || self.validate_every > 0,
            ),
        ];
        match checks.into_iter().find(|(_, ok)| !ok) {
            Some((field, _)) => Err(TrainError::Config { field }),
            None => Ok(()),
        }
    }
}
