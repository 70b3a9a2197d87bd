use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::tests::turn;
use super::*;
use crate::core::{BatchError, BatchSource, Learner};

/// Learns one number by a loss whose gradient grows with it.
#[derive(Module, Debug)]
struct Number {
    x: Param<Tensor<1>>,
}

impl Number {
    fn new(device: &Device) -> Self {
        Self {
            x: Param::from_tensor(Tensor::from_floats([1.0], device)),
        }
    }
}

impl Learner for Number {
    type Batch = f64;

    /// `k sqrt(x - 1)`: 0 at the start, with an infinite slope.
    fn loss(&self, k: f64) -> Tensor<1> {
        (self.x.val() - 1.0).sqrt() * k
    }
}

struct Constant(f64);

impl BatchSource for Constant {
    type Batch = f64;

    fn batch(&self, _step: u64, _device: &Device) -> Result<f64, BatchError> {
        Ok(self.0)
    }
}

fn trainer(steps: u64) -> Trainer {
    Trainer::new(TrainerConfig {
        steps,
        clip_norm: None,
        warmup_steps: 0,
        checkpoint_every: 1,
        ..TrainerConfig::default()
    })
    .with_progress(ProgressMode::Hidden)
}

#[test]
fn a_finite_loss_with_an_infinite_gradient_leaves_no_broken_checkpoint() {
    let _turn = turn();
    let device = Device::flex().autodiff();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let fit = |steps, k| {
        let trainer = trainer(steps).with_checkpoint(&path);
        trainer.fit(Number::new(&device), &Constant(k), None, &device)
    };
    match fit(3, 1.0) {
        Err(TrainError::NotFinite { step: 1, .. }) => {}
        other => panic!("{other:?}"),
    }
    assert!(!path.exists(), "a model that is not finite was written");
    // Without a checkpoint file the model is not handed out either.
    let result = trainer(1).fit(Number::new(&device), &Constant(1.0), None, &device);
    assert!(matches!(result, Err(TrainError::NotFinite { .. })));
}
