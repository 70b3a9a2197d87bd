//! What happens in a step and between steps.

use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::store::ModuleRecord;
use burn::tensor::{Device, Tensor};

use super::checkpoint::State;
use super::clip::clip_global_norm;
use super::groups::{Constants, Phase, rates, refreeze};
use super::history::{TrainPoint, ValidationPoint};
use super::schedule::learning_rate;
use super::{Fitted, StopReason, TrainError, Validate};
use crate::core::Learner;
use crate::seed::mix;

/// Whether something that happens every `every` steps, and at the last, happens now.
pub(super) fn due(step: u64, every: u64, last: bool) -> bool {
    last || (every > 0 && step.is_multiple_of(every))
}

/// The number in a loss `[1]`, or why it cannot be read.
pub(crate) fn loss_value(loss: Tensor<1>) -> Result<f64, String> {
    let values = loss.try_into_vec_as::<f32>().map_err(|e| e.to_string())?;
    match values.as_slice() {
        [value] => Ok(f64::from(*value)),
        _ => Err(format!("the loss has {} values, not one", values.len())),
    }
}

/// A run between two steps.
pub(super) struct Run<M> {
    pub(super) learner: M,
    pub(super) optimizer: ModuleOptimizer,
    pub(super) best: Option<ModuleRecord>,
    pub(super) state: State,
    pub(super) phases: Vec<Phase>,
    /// Parts that are frozen now.
    pub(super) frozen: Vec<String>,
    pub(super) constants: Constants,
}

impl<M: Learner> Run<M> {
    /// Freezes and frees what the current phase says; nothing if it is so already.
    pub(super) fn enter_phase(&mut self) -> Result<(), TrainError> {
        let wanted = self.phase()?.frozen.clone();
        if self.frozen != wanted {
            let learner = self.learner.clone();
            self.learner = refreeze(learner, &self.frozen, &wanted, &self.constants)?;
            self.frozen = wanted;
        }
        Ok(())
    }

    /// The current phase; a checkpoint may name one that the settings do not have.
    fn phase(&self) -> Result<&Phase, TrainError> {
        self.phases.get(self.state.phase).ok_or(TrainError::Config {
            field: "phases (fewer than the checkpoint has begun)",
        })
    }

    /// Whether all steps of the last phase are taken.
    pub(super) fn done(&self) -> bool {
        let Some(last) = self.phases.last() else {
            return true;
        };
        self.state.phase + 1 >= self.phases.len()
            && self.state.step - self.state.phase_start >= last.steps
    }

    /// Begins the next phase if this one is at its end, or if `stale` and there is a next one.
    /// Returns whether the run is stale.
    pub(super) fn next_phase(&mut self, stale: bool) -> bool {
        let last = self.state.phase + 1 >= self.phases.len();
        let taken = self.state.step - self.state.phase_start;
        let phase = self.phases.get(self.state.phase);
        let over = phase.is_some_and(|phase| taken >= phase.steps);
        if last || !(over || stale) {
            return stale;
        }
        self.state.phase += 1;
        self.state.phase_start = self.state.step;
        self.state.stale = 0;
        self.state.history.phases.push(self.state.step);
        false
    }

    /// One optimiser step; returns its loss and learning rate.
    pub(super) fn step(
        &mut self,
        batch: M::Batch,
        device: &Device,
    ) -> Result<(f64, f64), TrainError> {
        let step = self.state.step;
        let config = &self.state.config;
        let rate = learning_rate(self.phase()?, step - self.state.phase_start);
        device.seed(mix(config.seed, step));
        let loss = self.learner.loss(batch);
        let value = loss_value(loss.clone()).map_err(|reason| TrainError::Device { reason })?;
        if !value.is_finite() {
            return Err(TrainError::Diverged {
                step,
                loss: value,
                learning_rate: rate,
            });
        }
        let mut gradients = GradientsParams::from_grads(loss.backward(), &self.learner);
        if let Some(max_norm) = config.clip_norm {
            gradients = clip_global_norm(&self.learner, gradients, max_norm);
        }
        let learner = self.learner.clone();
        let rates = rates(rate, &config.groups)?;
        self.learner = self.optimizer.step(rates, learner, gradients).constrain();
        // Burn keeps the last update of running statistics pending: records leave it out, `valid` applies
        // it to all clones. Without this, a checkpoint would lack one update.
        drop(self.learner.valid());
        self.state.step += 1;
        self.state.window.push(value);
        let log_every = config.log_every;
        if due(self.state.step, log_every, self.done())
            && let Some(loss) = self.state.window.take()
        {
            self.state.history.train.push(TrainPoint {
                step: self.state.step,
                loss,
                learning_rate: rate,
            });
        }
        Ok((value, rate))
    }

    pub(super) fn validate(&mut self, validate: &mut Validate<'_, M>) -> Result<(), TrainError> {
        let step = self.state.step;
        let loss = validate(&self.learner.valid())
            .map_err(|source| TrainError::Validation { step, source })?;
        // NaN would become a best loss that nothing is lower than.
        if !loss.is_finite() {
            return Err(TrainError::Validation {
                step,
                source: format!("the validation loss is {loss}").into(),
            });
        }
        self.state
            .history
            .validation
            .push(ValidationPoint { step, loss });
        if self.state.best_loss.is_none_or(|best| loss < best) {
            self.state.best_loss = Some(loss);
            self.state.stale = 0;
            self.best = Some(self.learner.clone().into_record());
        } else {
            self.state.stale += 1;
        }
        Ok(())
    }

    pub(super) fn finish(mut self, reason: StopReason) -> Result<Fitted<M>, TrainError> {
        self.learner = refreeze(self.learner, &self.frozen, &[], &self.constants)?;
        let learner = match self.best {
            Some(best) if reason != StopReason::Interrupted => self
                .learner
                .try_load_record(best)
                .map_err(|e| TrainError::Device {
                reason: e.to_string(),
            })?,
            _ => self.learner,
        };
        Ok(Fitted {
            learner: learner.valid(),
            history: self.state.history,
            reason,
            steps: self.state.step,
            seconds: self.state.seconds,
        })
    }
}
