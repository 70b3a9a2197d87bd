use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};

use super::*;
use crate::core::{BatchError, BatchSource, Learner};
use crate::seed::mix;

/// The generator of the CPU backend is one for the whole process: tests that draw from it take
/// turns.
static GENERATOR: Mutex<()> = Mutex::new(());

pub(crate) fn turn() -> MutexGuard<'static, ()> {
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Regression of the sum of four numbers, with dropout so that randomness matters.
#[derive(Module, Debug)]
struct Toy {
    dropout: Dropout,
    first: Linear,
    second: Linear,
}

impl Toy {
    fn new(device: &Device) -> Self {
        device.seed(3);
        Self {
            dropout: DropoutConfig::new(0.2).init(),
            first: LinearConfig::new(4, 8).init(device),
            second: LinearConfig::new(8, 1).init(device),
        }
        .materialize()
    }

    /// Names and bytes of all parameters, without their random ids.
    fn weights(&self) -> Vec<(String, Vec<u8>)> {
        let bytes = self.clone().into_record().into_bytes().unwrap();
        let tensors = burn_pack::Reader::from_bytes(bytes).unwrap().into_tensors();
        let named = tensors.unwrap().into_iter().map(|t| {
            let bytes = t.to_bytes().unwrap().to_vec();
            (t.name, bytes)
        });
        named.collect()
    }
}

impl Learner for Toy {
    type Batch = (Tensor<2>, Tensor<2>);

    fn loss(&self, (x, y): Self::Batch) -> Tensor<1> {
        let x = self.first.forward(x).tanh();
        let x = self.second.forward(self.dropout.forward(x));
        (x - y).powi_scalar(2).mean()
    }
}

struct Sums {
    /// Batches from this step on are NaN.
    poison_from: u64,
}

impl BatchSource for Sums {
    type Batch = (Tensor<2>, Tensor<2>);

    fn batch(&self, step: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        let value = |i: u64| (mix(step, i) % 1000) as f32 / 500.0 - 1.0;
        let x: Vec<f32> = (0..32).map(value).collect();
        let mut y: Vec<f32> = x.chunks(4).map(|row| row.iter().sum()).collect();
        if step >= self.poison_from {
            y.fill(f32::NAN);
        }
        Ok((
            Tensor::from_data(TensorData::new(x, [8, 4]), device),
            Tensor::from_data(TensorData::new(y, [8, 1]), device),
        ))
    }
}

const CLEAN: Sums = Sums {
    poison_from: u64::MAX,
};

fn config(steps: u64) -> TrainerConfig {
    TrainerConfig {
        steps,
        learning_rate: 0.02,
        warmup_steps: 5,
        checkpoint_every: 7,
        log_every: 4,
        seed: 11,
        ..TrainerConfig::default()
    }
}

fn trainer(config: TrainerConfig) -> Trainer {
    Trainer::new(config).with_progress(ProgressMode::Hidden)
}

#[test]
fn a_resumed_run_equals_the_uninterrupted_one() {
    let _turn = turn();
    let device = Device::flex().autodiff();
    let mut config = config(40);
    config.validate_every = 9;
    let loss = |model: &Toy| {
        let (x, y) = CLEAN.batch(1_000_000, &Device::flex())?;
        let loss = model.loss((x, y)).into_scalar::<f32>();
        Ok(f64::from(loss))
    };
    let whole = trainer(config.clone())
        .fit(Toy::new(&device), &CLEAN, Some(&mut { loss }), &device)
        .unwrap();

    // Cut off after 3, then 17, then 29 steps; each time another process would start here.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let mut resumed = None;
    for last_step in [3, 17, 29, u64::MAX] {
        let flag = Arc::new(AtomicBool::new(false));
        let source = StopAfter {
            last_step,
            flag: flag.clone(),
        };
        let fresh = Toy::new(&device);
        let result = trainer(config.clone())
            .with_checkpoint(&path)
            .with_interrupt(flag)
            .fit(fresh, &source, Some(&mut { loss }), &device)
            .unwrap();
        resumed = Some(result);
    }
    let resumed = resumed.unwrap();
    assert_eq!(resumed.reason, StopReason::Steps);
    assert_eq!(resumed.history, whole.history);
    assert_eq!(resumed.learner.weights(), whole.learner.weights());
    assert!(whole.history.train.last().unwrap().loss < whole.history.train[0].loss);
    assert_eq!(whole.history.validation.len(), 5);
}

/// Raises the flag once the batch of a step is asked for.
struct StopAfter {
    last_step: u64,
    flag: Arc<AtomicBool>,
}

impl BatchSource for StopAfter {
    type Batch = (Tensor<2>, Tensor<2>);

    fn batch(&self, step: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        if step >= self.last_step {
            self.flag.store(true, Ordering::Relaxed);
        }
        CLEAN.batch(step, device)
    }
}

#[test]
fn the_same_seed_gives_the_same_weights() {
    let _turn = turn();
    let device = Device::flex().autodiff();
    let run = || {
        trainer(config(12))
            .fit(Toy::new(&device), &CLEAN, None, &device)
            .unwrap()
            .learner
            .weights()
    };
    assert_eq!(run(), run());
}

#[test]
fn a_nan_loss_ends_the_run_and_keeps_the_last_checkpoint() {
    let _turn = turn();
    let device = Device::flex().autodiff();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let poisoned = Sums { poison_from: 17 };
    let result =
        trainer(config(40))
            .with_checkpoint(&path)
            .fit(Toy::new(&device), &poisoned, None, &device);
    match result {
        Err(TrainError::Diverged { step: 17, loss, .. }) => assert!(loss.is_nan()),
        other => panic!("{other:?}"),
    }
    // The checkpoint of step 14 is intact: with clean data the run goes on to its end.
    let resumed = trainer(config(40))
        .with_checkpoint(&path)
        .fit(Toy::new(&device), &CLEAN, None, &device)
        .unwrap();
    assert_eq!(resumed.steps, 40);
}

#[test]
fn stops_when_validation_does_not_improve_and_returns_the_best_weights() {
    let _turn = turn();
    let device = Device::flex().autodiff();
    let mut config = config(100);
    config.validate_every = 2;
    config.patience = Some(3);
    let losses = [5.0, 4.0, 3.0, 9.0, 3.0, 8.0, 1.0];
    let mut calls = 0;
    let mut best = Vec::new();
    let mut validate = |model: &Toy| {
        let loss = losses[calls];
        calls += 1;
        if calls == 3 {
            best = model.clone().train().weights();
        }
        Ok(loss)
    };
    let fitted = trainer(config)
        .fit(Toy::new(&device), &CLEAN, Some(&mut validate), &device)
        .unwrap();
    assert_eq!(fitted.reason, StopReason::Patience);
    // Best at step 6, then 8, 10 and 12 without improvement.
    assert_eq!(fitted.steps, 12);
    assert_eq!(fitted.learner.weights(), best);
}

#[test]
fn a_validation_loss_that_is_no_number_ends_the_run() {
    let _turn = turn();
    let device = Device::flex().autodiff();
    let mut config = config(10);
    config.validate_every = 2;
    let mut validate = |_: &Toy| Ok(f64::NAN);
    let result = trainer(config).fit(Toy::new(&device), &CLEAN, Some(&mut validate), &device);
    assert!(matches!(
        result,
        Err(TrainError::Validation { step: 2, .. })
    ));
}

#[test]
fn checkpoints_of_other_runs_and_damaged_ones_are_refused() {
    let _turn = turn();
    let device = Device::flex().autodiff();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let fit = |config| {
        trainer(config)
            .with_checkpoint(&path)
            .fit(Toy::new(&device), &CLEAN, None, &device)
    };
    fit(config(8)).unwrap();
    assert!(matches!(fit(config(9)), Err(TrainError::OtherRun { .. })));
    let bytes = std::fs::read(&path).unwrap();
    let mut flipped = bytes.clone();
    // The file ends with the bytes of a tensor.
    *flipped.last_mut().unwrap() ^= 0x41;
    for damaged in [bytes[..bytes.len() / 2].to_vec(), flipped] {
        std::fs::write(&path, damaged).unwrap();
        match fit(config(8)) {
            Err(TrainError::Checkpoint { path: named, .. }) => assert_eq!(named, path),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn settings_that_make_no_sense_are_named() {
    for (change, name) in [
        ((|c| c.steps = 0) as fn(&mut TrainerConfig), "steps"),
        (|c| c.learning_rate = f64::NAN, "learning_rate"),
        (|c| c.clip_norm = Some(-1.0), "clip_norm"),
        (|c| c.log_every = 0, "log_every"),
        (|c| c.patience = Some(1), "patience (needs validate_every)"),
    ] {
        let mut config = TrainerConfig::default();
        change(&mut config);
        match config.validate() {
            Err(TrainError::Config { field }) => assert_eq!(field, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn the_joint_norm_of_all_gradients_is_limited() {
    let _turn = turn();
    let device = Device::flex().autodiff();
    let mut model = Toy::new(&device);
    model.dropout = DropoutConfig::new(0.0).init();
    let (x, y) = CLEAN.batch(0, &device).unwrap();
    let gradients = || {
        let loss = model.loss((x.clone(), y.clone() * 100.0));
        burn::optim::GradientsParams::from_grads(loss.backward(), &model)
    };
    let norm = |gradients: &burn::optim::GradientsParams| {
        let square =
            |value: Option<Vec<f32>>| value.unwrap().iter().map(|v| f64::from(v * v)).sum::<f64>();
        let matrix = |id| square(gradients.get::<2>(id).map(|t| t.try_into_vec_as().unwrap()));
        let vector = |id| square(gradients.get::<1>(id).map(|t| t.try_into_vec_as().unwrap()));
        let biases = [&model.first, &model.second].map(|l| vector(l.bias.as_ref().unwrap().id));
        let weights = [&model.first, &model.second].map(|l| matrix(l.weight.id));
        (biases.iter().sum::<f64>() + weights.iter().sum::<f64>()).sqrt()
    };
    let before = norm(&gradients());
    assert!(before > 1.0, "{before}");
    let clipped = clip::clip_global_norm(&model, gradients(), 1.0);
    assert!((norm(&clipped) - 1.0).abs() < 1e-4);
    let untouched = clip::clip_global_norm(&model, gradients(), before * 2.0);
    assert!((norm(&untouched) - before).abs() < 1e-3 * before);
}

#[path = "phase_tests.rs"]
mod phases;

#[test]
fn a_run_of_another_description_or_other_settings_starts_anew_in_the_same_folder() {
    let _turn = turn();
    let device = Device::flex().autodiff();
    let folder = tempfile::tempdir().unwrap();
    let fit = |steps: u64, run: &str| {
        trainer(config(steps))
            .with_checkpoint_in(folder.path(), "toy", run)
            .fit(Toy::new(&device), &CLEAN, None, &device)
            .unwrap()
    };
    let files = || folder.path().read_dir().unwrap().count();
    let first = fit(4, "data 1");
    assert!(first.seconds > 0.0);
    // Found finished: not even the seconds differ.
    assert_eq!((fit(4, "data 1").seconds, files()), (first.seconds, 1));
    assert_eq!((fit(4, "data 2").steps, files()), (4, 2));
    assert_eq!((fit(7, "data 1").steps, files()), (7, 3));
}
