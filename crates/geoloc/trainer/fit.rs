//! The loop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::store::ModuleRecord;
use burn::tensor::Device;

use super::checkpoint::{self, State};
use super::clip::clip_global_norm;
use super::history::{History, TrainPoint, ValidationPoint, Window};
use super::prefetch::prefetch;
use super::progress::{Progress, ProgressMode};
use super::schedule::learning_rate;
use super::{TrainError, TrainerConfig};
use crate::core::{BatchSource, Learner};
use crate::seed::mix;

/// Computes a validation loss from a model in inference mode.
pub type Validate<'a, M> =
    dyn FnMut(&M) -> Result<f64, Box<dyn std::error::Error + Send + Sync>> + 'a;

/// Trains any [`Learner`].
#[derive(Clone, Debug)]
pub struct Trainer {
    config: TrainerConfig,
    name: String,
    progress: ProgressMode,
    checkpoint: Option<PathBuf>,
    interrupt: Option<Arc<AtomicBool>>,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// All steps were taken.
    Steps,
    /// The validation loss did not fall any more.
    Patience,
    /// The interrupt flag was set; a checkpoint was written if the trainer has a file for it.
    Interrupted,
}

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Fitted<M> {
    /// The trained learner in inference mode: the weights of the best validation, or the last ones
    /// if there was no validation.
    pub learner: M,
    /// The loss curve.
    pub history: History,
    /// Why the run ended.
    pub reason: StopReason,
    /// Number of steps taken, those before a resume counted in.
    pub steps: u64,
}

impl Trainer {
    /// A trainer without checkpoints that shows progress.
    #[must_use]
    pub fn new(config: TrainerConfig) -> Self {
        Self {
            config,
            name: "train".into(),
            progress: ProgressMode::Auto,
            checkpoint: None,
            interrupt: None,
        }
    }

    /// The name before the progress bar.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Shows progress or not.
    #[must_use]
    pub fn with_progress(mut self, progress: ProgressMode) -> Self {
        self.progress = progress;
        self
    }

    /// Writes checkpoints to `path`, and goes on from there if the file exists.
    #[must_use]
    pub fn with_checkpoint(mut self, path: impl AsRef<Path>) -> Self {
        self.checkpoint = Some(path.as_ref().to_owned());
        self
    }

    /// Ends the run after the current step once `flag` is true.
    #[must_use]
    pub fn with_interrupt(mut self, flag: Arc<AtomicBool>) -> Self {
        self.interrupt = Some(flag);
        self
    }

    /// Trains `learner`, which must live on `device`, an autodiff device.
    ///
    /// # Errors
    ///
    /// [`TrainError`]. The last checkpoint stays.
    pub fn fit<M: Learner>(
        &self,
        learner: M,
        source: &dyn BatchSource<Batch = M::Batch>,
        mut validate: Option<&mut Validate<'_, M>>,
        device: &Device,
    ) -> Result<Fitted<M>, TrainError> {
        self.config.validate()?;
        let mut run = self.start(learner)?;
        let mut reason = StopReason::Steps;
        std::thread::scope(|scope| -> Result<(), TrainError> {
            if run.state.finished {
                return Ok(());
            }
            let steps = run.state.step..self.config.steps;
            let batches = prefetch(scope, source, steps, device.clone());
            let mut progress =
                Progress::new(self.progress, &self.name, run.state.step, self.config.steps);
            while run.state.step < self.config.steps {
                let batch = batches.recv().map_err(|_| TrainError::Prefetch {
                    step: run.state.step,
                })??;
                let (loss, rate) = run.step(batch, device)?;
                progress.step(run.state.step, self.config.steps, loss, rate);
                let last = run.state.step == self.config.steps;
                if let Some(validate) = validate.as_deref_mut()
                    && due(run.state.step, self.config.validate_every, last)
                    && self.config.validate_every > 0
                {
                    run.validate(validate)?;
                }
                let stale = self.config.patience.is_some_and(|p| run.state.stale >= p);
                let stop = self
                    .interrupt
                    .as_ref()
                    .is_some_and(|flag| flag.load(Ordering::Relaxed));
                run.state.finished = last || stale;
                if due(
                    run.state.step,
                    self.config.checkpoint_every,
                    last || stale || stop,
                ) {
                    self.save(&run)?;
                }
                if stale {
                    reason = StopReason::Patience;
                    break;
                }
                if stop && !last {
                    reason = StopReason::Interrupted;
                    break;
                }
            }
            progress.finish();
            Ok(())
        })?;
        if run.state.finished && run.state.step < self.config.steps {
            reason = StopReason::Patience;
        }
        run.finish(reason)
    }

    fn start<M: Learner>(&self, learner: M) -> Result<Run<M>, TrainError> {
        let optimizer = AdamWConfig::new()
            .with_epsilon(1e-8)
            .with_weight_decay(self.config.weight_decay)
            .init();
        let fresh = |learner: M, optimizer| Run {
            // Burn draws weights at first use: draw them all now, in one order.
            learner: learner.materialize(),
            optimizer,
            best: None,
            state: State {
                config: self.config.clone(),
                step: 0,
                history: History::default(),
                window: Window::default(),
                best_loss: None,
                stale: 0,
                finished: false,
            },
        };
        let Some(path) = &self.checkpoint else {
            return Ok(fresh(learner, optimizer));
        };
        let Some(found) = checkpoint::read(path)? else {
            return Ok(fresh(learner, optimizer));
        };
        if found.state.config != self.config {
            return Err(TrainError::OtherRun {
                path: path.clone(),
                theirs: format!("{:?}", found.state.config),
                ours: format!("{:?}", self.config),
            });
        }
        let optimizer = found.restore_optimizer(optimizer, path)?;
        let learner = learner
            .try_load_record(found.model)
            .map_err(|e| TrainError::Checkpoint {
                path: path.clone(),
                reason: e.to_string(),
            })?;
        Ok(Run {
            learner,
            optimizer,
            best: found.best,
            state: found.state,
        })
    }

    fn save<M: Learner>(&self, run: &Run<M>) -> Result<(), TrainError> {
        let Some(path) = &self.checkpoint else {
            return Ok(());
        };
        checkpoint::write(
            path,
            &run.state,
            &run.learner,
            run.best.as_ref(),
            &run.optimizer,
        )
    }
}

/// Whether something that happens every `every` steps, and at the last, happens now.
fn due(step: u64, every: u64, last: bool) -> bool {
    last || (every > 0 && step.is_multiple_of(every))
}

struct Run<M> {
    learner: M,
    optimizer: ModuleOptimizer,
    best: Option<ModuleRecord>,
    state: State,
}

impl<M: Learner> Run<M> {
    /// One optimiser step; returns its loss and learning rate.
    fn step(&mut self, batch: M::Batch, device: &Device) -> Result<(f64, f64), TrainError> {
        let step = self.state.step;
        let config = &self.state.config;
        let rate = learning_rate(config, step);
        device.seed(mix(config.seed, step));
        let loss = self.learner.loss(batch);
        let value = loss
            .clone()
            .try_into_vec_as::<f32>()
            .map_err(|e| TrainError::Device {
                reason: e.to_string(),
            })?
            .first()
            .map_or(f64::NAN, |&v| f64::from(v));
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
        self.learner = self.optimizer.step(rate, learner, gradients);
        self.state.step += 1;
        self.state.window.push(value);
        let last = self.state.step == config.steps;
        if due(self.state.step, config.log_every, last)
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

    fn validate(&mut self, validate: &mut Validate<'_, M>) -> Result<(), TrainError> {
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

    fn finish(self, reason: StopReason) -> Result<Fitted<M>, TrainError> {
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
        })
    }
}
