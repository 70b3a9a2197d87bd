//! The loop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::tensor::Device;

use super::checkpoint::{self, State};
use super::finite::all_finite;
use super::groups::{Constants, check_names, optimizer};
use super::history::{History, Window};
use super::prefetch::prefetch;
use super::progress::{Progress, ProgressMode};
use super::run::{Run, due};
use super::{TrainError, TrainerConfig};
use crate::core::{BatchSource, Learner};
use crate::datasets::stable_hash;

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
    /// Seconds that it took, those before a resume counted in.
    pub seconds: f64,
}

impl<M> Fitted<M> {
    /// The run, unless it was interrupted: for callers that have no use for a model in the middle of
    /// its training.
    ///
    /// # Errors
    ///
    /// [`TrainError::Interrupted`].
    pub fn complete(self) -> Result<Self, TrainError> {
        match self.reason {
            StopReason::Interrupted => Err(TrainError::Interrupted { step: self.steps }),
            StopReason::Steps | StopReason::Patience => Ok(self),
        }
    }
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

    /// Writes checkpoints to `path`, and resumes from there if the file exists.
    #[must_use]
    pub fn with_checkpoint(mut self, path: impl AsRef<Path>) -> Self {
        self.checkpoint = Some(path.as_ref().to_owned());
        self
    }

    /// As [`with_checkpoint`](Self::with_checkpoint), to a file of `folder` that is named after `name`
    /// and a hash of the trainer's settings and of `run`: everything else that the weights depend on,
    /// such as the configurations of model and data. Runs that differ have files of their own there, and
    /// none resumes from another's.
    #[must_use]
    pub fn with_checkpoint_in(self, folder: &Path, name: &str, run: &str) -> Self {
        let all = format!("{:?} {run}", self.config);
        let file = format!("{name}-{:016x}.checkpoint", stable_hash(&all, 0));
        self.with_checkpoint(folder.join(file))
    }

    /// Ends the run after the current step once `flag` is true, with a checkpoint. A program sets it
    /// when it is asked to end; this library installs no handler of signals.
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
        let (before, started) = (run.state.seconds, Instant::now());
        let mut reason = StopReason::Steps;
        std::thread::scope(|scope| -> Result<(), TrainError> {
            if run.state.finished {
                return Ok(());
            }
            let steps = run.state.step..self.config.steps;
            let batches = prefetch(scope, source, steps, device.clone());
            let mut progress =
                Progress::new(self.progress, &self.name, run.state.step, self.config.steps);
            while !run.done() {
                let batch = batches.recv().map_err(|_| TrainError::Prefetch {
                    step: run.state.step,
                })??;
                run.enter_phase()?;
                let (loss, rate) = run.step(batch, device)?;
                progress.step(run.state.step, self.config.steps, loss, rate);
                let last = run.done();
                if let Some(validate) = validate.as_deref_mut()
                    && due(run.state.step, self.config.validate_every, last)
                    && self.config.validate_every > 0
                {
                    run.validate(validate)?;
                }
                let stale = self.config.patience.is_some_and(|p| run.state.stale >= p);
                let stale = run.next_phase(stale);
                let stop = self
                    .interrupt
                    .as_ref()
                    .is_some_and(|flag| flag.load(Ordering::Relaxed));
                run.state.finished = last || stale;
                run.state.seconds = before + started.elapsed().as_secs_f64();
                if due(
                    run.state.step,
                    self.config.checkpoint_every,
                    last || stale || stop,
                ) {
                    if !all_finite(&run.learner)? {
                        return Err(TrainError::NotFinite {
                            step: run.state.step,
                            learning_rate: rate,
                        });
                    }
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
        if run.state.finished && !run.done() {
            reason = StopReason::Patience;
        }
        run.finish(reason)
    }

    fn start<M: Learner>(&self, learner: M) -> Result<Run<M>, TrainError> {
        let phases = self.config.phases();
        let frozen = phases.iter().flat_map(|phase| &phase.frozen);
        let grouped = self.config.groups.iter().map(|group| &group.parameters);
        check_names(&learner, frozen.chain(grouped))?;
        let optimizer = optimizer(&self.config, &learner)?;
        // Burn draws weights at first use: draw them all now, in one order.
        let learner = learner.materialize();
        let constants = Constants::of(&learner);
        let fresh = |learner: M, optimizer| Run {
            learner,
            optimizer,
            best: None,
            phases: phases.clone(),
            frozen: Vec::new(),
            constants: constants.clone(),
            state: State {
                config: self.config.clone(),
                step: 0,
                history: History::default(),
                window: Window::default(),
                best_loss: None,
                stale: 0,
                finished: false,
                phase: 0,
                phase_start: 0,
                seconds: 0.0,
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
        // The record brings the identities of its parameters along.
        let constants = Constants::of(&learner);
        Ok(Run {
            learner,
            optimizer,
            best: found.best,
            phases,
            frozen: Vec::new(),
            constants,
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
