//! Steps and learning rates of a recipe.

use serde::{Deserialize, Serialize};

use super::{RecipeError, TrainedPart};
use crate::trainer::{ParameterGroup, Phase, TrainerConfig, begins};

/// Steps and learning rates of a recipe, in epochs of whatever data it is used with. The optimiser is
/// `AdamW`; without weight decay it is Adam.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingChoice {
    /// Photos of a step.
    pub batch: usize,
    /// Draws so many photos of each place, and `batch` divided by that many places, for approaches
    /// that learn from pairs; left out, photos are drawn one by one. See
    /// [`PhotoBatches::by_place`](crate::photos::PhotoBatches::by_place), with places as wide as two
    /// photos of one place may be apart. An epoch is as many steps as without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photos_per_place: Option<usize>,
    /// Seed of weights, order, changes and dropout.
    #[serde(default)]
    pub seed: u64,
    /// Decoupled weight decay of parameters of two or more axes.
    #[serde(default)]
    pub weight_decay: f32,
    /// Whether biases, norms, learned scales and exponents decay too, which have one axis.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decay_vectors: bool,
    /// Largest joint norm of the gradients; no limit if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Epochs between two validations; 0 for none.
    #[serde(default = "every_epoch")]
    pub validate_every_epochs: f64,
    /// Validations in a row without a lower loss after which a phase ends early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<u64>,
    /// Steps between two checkpoints: what is lost at most when the run is cut off.
    #[serde(default = "often")]
    pub checkpoint_every: u64,
    /// Parts of the run, one after the other.
    pub phases: Vec<PhaseChoice>,
    /// Parameters with a learning rate of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<ParameterGroup>,
}

fn every_epoch() -> f64 {
    1.0
}

fn often() -> u64 {
    100
}

/// A part of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseChoice {
    /// Its length in epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<f64>,
    /// Its length in steps, in place of epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Steps during which the learning rate rises linearly from 0.
    #[serde(default)]
    pub warmup_steps: u64,
    /// Share of the learning rate that it falls to, along a half cosine; 1 is constant.
    #[serde(default = "constant")]
    pub final_rate_share: f64,
    /// What is not trained: `encoder`, or parts of it such as `encoder.layer1`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frozen: Vec<String>,
}

fn constant() -> f64 {
    1.0
}

/// How long to train, in place of what the recipe says; phases keep their shares.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// Optimiser steps.
    Steps(u64),
    /// Times that every photo is seen.
    Epochs(f64),
}

/// Epochs beyond this are taken for an error: `f64` steps stay exact.
const MOST_STEPS: f64 = 1e12;

impl TrainingChoice {
    /// Whether there are validations.
    pub(super) fn validates(&self) -> bool {
        self.validate_every_epochs != 0.0
    }

    /// Settings of the trainer for so many training photos. What phases and groups say of parts of the
    /// encoder that are not trained is left out.
    ///
    /// # Errors
    ///
    /// [`RecipeError::Key`].
    pub fn trainer_config(
        &self,
        photos: usize,
        length: Option<Length>,
        trained: TrainedPart,
    ) -> Result<TrainerConfig, RecipeError> {
        if self.batch == 0 {
            return Err(RecipeError::key("training.batch", "must be at least 1"));
        }
        if self.phases.is_empty() {
            let reason = "there must be at least one [[training.phases]]";
            return Err(RecipeError::key("training.phases", reason));
        }
        let per_epoch = photos.max(1) as f64 / self.batch as f64;
        let steps_of = |key: &str, epochs: f64| {
            let steps = (epochs * per_epoch).round().max(1.0);
            if epochs > 0.0 && steps <= MOST_STEPS {
                return Ok(steps as u64);
            }
            Err(RecipeError::key(key, format!("{epochs} is no length")))
        };
        let mut lengths = Vec::with_capacity(self.phases.len());
        for (k, phase) in self.phases.iter().enumerate() {
            let key = format!("training.phases[{k}].epochs");
            lengths.push(match (phase.epochs, phase.steps) {
                (Some(epochs), None) => steps_of(&key, epochs)?,
                (None, Some(steps)) => steps,
                _ => {
                    let reason = "there must be either `epochs` or `steps`";
                    return Err(RecipeError::key(key, reason));
                }
            });
        }
        let total = match length {
            None => None,
            Some(Length::Steps(steps)) => Some(steps),
            Some(Length::Epochs(epochs)) => Some(steps_of("--epochs", epochs)?),
        };
        let lengths = total.map_or_else(|| lengths.clone(), |total| shared(total, &lengths));
        // Of a short run the last phases may be left out.
        let phases = lengths.iter().zip(&self.phases).filter(|(n, _)| **n > 0);
        let phases: Vec<Phase> = phases
            .map(|(&steps, phase)| Phase {
                steps,
                learning_rate: phase.learning_rate,
                warmup_steps: phase.warmup_steps.min(steps / 2),
                final_rate_share: phase.final_rate_share,
                frozen: in_model(&phase.frozen, trained).collect(),
            })
            .collect();
        let group = |group: &ParameterGroup| {
            let parameters = in_model(std::slice::from_ref(&group.parameters), trained);
            let group = group.clone();
            let groups = parameters.map(move |parameters| ParameterGroup {
                parameters,
                ..group.clone()
            });
            groups.collect::<Vec<_>>()
        };
        let validate_every = if self.validates() {
            steps_of("training.validate_every_epochs", self.validate_every_epochs)?
        } else {
            0
        };
        let Some(first) = phases.first() else {
            return Err(RecipeError::key("training", "there is no step to take"));
        };
        let config = TrainerConfig {
            steps: phases.iter().map(|p| p.steps).sum(),
            learning_rate: first.learning_rate,
            warmup_steps: 0,
            final_rate_share: 1.0,
            weight_decay: self.weight_decay,
            decay_vectors: self.decay_vectors,
            clip_norm: self.clip_norm,
            seed: self.seed,
            validate_every,
            patience: self.patience,
            checkpoint_every: self.checkpoint_every,
            log_every: 10,
            groups: self.groups.iter().flat_map(group).collect(),
            phases,
        };
        let checked = config.validate();
        checked.map_err(|e| RecipeError::key("training", e))?;
        Ok(config)
    }
}

/// `total` steps in the shares of `lengths`.
fn shared(total: u64, lengths: &[u64]) -> Vec<u64> {
    let sum = lengths.iter().sum::<u64>().max(1) as f64;
    let (mut before, mut until) = (0, 0.0);
    lengths
        .iter()
        .map(|&length| {
            until += length as f64 / sum;
            let end = ((until * total as f64).round() as u64).min(total);
            let own = end - before;
            before = end;
            own
        })
        .collect()
}

/// Names of parts as the trainer knows them, without those of the encoder that are not trained.
fn in_model(names: &[String], trained: TrainedPart) -> impl Iterator<Item = String> + '_ {
    let left_out = match trained {
        TrainedPart::Whole => None,
        TrainedPart::Pooling => Some("encoder.encoder"),
        TrainedPart::Nothing => Some("encoder"),
    };
    let kept = move |name: &&String| left_out.is_none_or(|part| !begins(name, part));
    names
        .iter()
        .filter(kept)
        .map(|name| format!("model.{name}"))
}
