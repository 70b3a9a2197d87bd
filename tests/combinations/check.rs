//! Three steps of training, saved and loaded.

use crate::batches::{BATCH, Same, images};
use crate::encoders::{Build, encoders};
use crate::methods::devices::devices;
use crate::methods::{Named, OutputOf, Visit};
use geoloc::burn::module::Module;
use geoloc::burn::tensor::Device;
use geoloc::core::{
    BatchSource, Encoder, GeoModel, HeadConfig, Learner, Loss, TargetEncoder, Training, contract,
};
use geoloc::trainer::{ProgressMode, Trainer, TrainerConfig};

pub(crate) fn fit<M: Learner>(
    learner: M,
    batches: &dyn BatchSource<Batch = M::Batch>,
    device: &Device,
) -> M {
    let config = TrainerConfig {
        steps: 3,
        warmup_steps: 1,
        learning_rate: 1e-3,
        log_every: 1,
        ..TrainerConfig::default()
    };
    let trainer = Trainer::new(config).with_progress(ProgressMode::Hidden);
    let fitted = trainer.fit(learner, batches, None, device).unwrap();
    assert_eq!(fitted.steps, 3);
    assert!(fitted.history.train.iter().all(|p| p.loss.is_finite()));
    fitted.learner
}

/// Trains encoder and head, loads what was saved, and asks both for places.
pub(crate) fn check<HC, L, T>(
    (build, device): (Build, &Device),
    head: &HC,
    criterion: L,
    targets: T,
    decoders: &[Named<'_, OutputOf<HC>>],
) where
    HC: HeadConfig,
    L: Loss<OutputOf<HC>, Target = T::Target>,
    T: TargetEncoder,
{
    let autodiff = device.clone().autodiff();
    let model = |device: &Device| {
        let encoder = build(device);
        let head = head.init(&encoder.spec(), device).unwrap();
        GeoModel { encoder, head }
    };
    let learner = Training {
        model: model(&autodiff),
        criterion,
    };
    let trained = fit(learner, &Same(targets), &autodiff).model;
    contract::check_round_trip(trained.clone(), model(device)).unwrap();
    let loaded = model(device).try_load_record(trained.clone().into_record());
    let loaded = loaded.unwrap();
    for (_, decoder) in decoders {
        let answers = decoder.decode(trained.forward(images(device))).unwrap();
        assert_eq!(answers.len(), BATCH);
        for answer in &answers {
            let answer = answer.as_ref().unwrap();
            assert!(answer.radius50_km.is_finite() && answer.radius50_km >= 0.0);
        }
        let again = decoder.decode(loaded.forward(images(device))).unwrap();
        assert_eq!(answers, again);
    }
}

/// Checks every method with one encoder on one device.
pub(crate) struct Combined<'a> {
    pub(crate) on: (Build, &'a Device),
}

impl Visit for Combined<'_> {
    fn method<C, L, T>(
        &mut self,
        name: &str,
        head: &C,
        loss: L,
        targets: T,
        decoders: &[Named<'_, OutputOf<C>>],
    ) where
        C: HeadConfig,
        L: Loss<OutputOf<C>, Target = T::Target>,
        T: TargetEncoder,
    {
        println!("{name}");
        check(self.on, head, loss, targets, decoders);
    }
}

pub(crate) fn with_every_encoder(run: impl Fn((Build, &Device))) {
    for device in &devices() {
        for (name, build) in encoders() {
            println!("{name}");
            device.seed(3);
            run((build, device));
        }
    }
}
