//! Settings of a training run.

use serde::{Deserialize, Serialize};

use super::{ParameterGroup, Phase, TrainError};

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
    /// Decoupled weight decay of AdamW (Loshchilov and Hutter 2019) for parameters of two or more
    /// axes.
    pub weight_decay: f32,
    /// Whether parameters of one axis decay too: biases, norms, learned scales and exponents. Settings
    /// written before this field existed have it: all parameters decayed.
    #[serde(default = "decayed_before")]
    pub decay_vectors: bool,
    /// Gradients are scaled down to this norm, taken over all parameters together; `None` for no
    /// limit.
    pub clip_norm: Option<f64>,
    /// Seed of dropout and of every other random choice on the device.
    pub seed: u64,
    /// Validate after every so many steps, and after the last; 0 for never.
    pub validate_every: u64,
    /// Stop after this many validations in a row without a lower validation loss; `None` to train
    /// all steps. The best weights are returned. With phases, the next one begins instead, and only
    /// in the last one the run stops.
    pub patience: Option<u64>,
    /// Write a checkpoint after every so many steps, and after the last; 0 for the last only.
    pub checkpoint_every: u64,
    /// Steps that are averaged into one point of the loss curve.
    pub log_every: u64,
    /// Parameters with a learning rate of their own; of several that fit, the last one counts.
    #[serde(default)]
    pub groups: Vec<ParameterGroup>,
    /// Parts of the run, one after the other, whose steps add up to `steps`. Their learning rates
    /// take the place of `learning_rate`, `warmup_steps` and `final_rate_share`. None: one phase in
    /// which everything is trained.
    #[serde(default)]
    pub phases: Vec<Phase>,
}

fn decayed_before() -> bool {
    true
}

impl Default for TrainerConfig {
    fn default() -> Self {
        Self {
            steps: 1_000,
            learning_rate: 1e-3,
            warmup_steps: 50,
            final_rate_share: 0.01,
            weight_decay: 1e-4,
            decay_vectors: false,
            clip_norm: Some(1.0),
            seed: 0,
            validate_every: 0,
            patience: None,
            checkpoint_every: 100,
            log_every: 10,
            groups: Vec::new(),
            phases: Vec::new(),
        }
    }
}

impl TrainerConfig {
    /// The phases, one if none are given.
    pub(super) fn phases(&self) -> Vec<Phase> {
        if !self.phases.is_empty() {
            return self.phases.clone();
        }
        vec![Phase {
            steps: self.steps,
            learning_rate: self.learning_rate,
            warmup_steps: self.warmup_steps,
            final_rate_share: self.final_rate_share,
            frozen: Vec::new(),
        }]
    }

    /// Checks the numbers.
    ///
    /// # Errors
    ///
    /// [`TrainError::Config`] names the first field that is out of range.
    pub fn validate(&self) -> Result<(), TrainError> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let decays = |decay: f32| decay.is_finite() && decay >= 0.0;
        let rates = |rate: f64, share: f64| positive(rate) && (0.0..=1.0).contains(&share);
        let sum = |phases: &[Phase]| {
            let mut steps = phases.iter().map(|phase| phase.steps);
            steps.try_fold(0_u64, u64::checked_add)
        };
        let checks = [
            ("steps", self.steps > 0),
            ("learning_rate", positive(self.learning_rate)),
            (
                "final_rate_share",
                (0.0..=1.0).contains(&self.final_rate_share),
            ),
            ("weight_decay", decays(self.weight_decay)),
            ("clip_norm", self.clip_norm.is_none_or(positive)),
            ("log_every", self.log_every > 0),
            (
                "patience (needs validate_every)",
                self.patience.is_none() || self.validate_every > 0,
            ),
            (
                "groups (rates above 0, weight decays not below)",
                self.groups
                    .iter()
                    .all(|group| positive(group.rate) && group.weight_decay.is_none_or(decays)),
            ),
            (
                "phases (at least one step, sensible rates)",
                self.phases
                    .iter()
                    .all(|p| p.steps > 0 && rates(p.learning_rate, p.final_rate_share)),
            ),
            (
                "steps (the sum of the phases)",
                self.phases.is_empty() || sum(&self.phases) == Some(self.steps),
            ),
        ];
        match checks.into_iter().find(|(_, ok)| !ok) {
            Some((field, _)) => Err(TrainError::Config { field }),
            None => Ok(()),
        }
    }
}
