//! What a trained method has to reach.

use geoloc::burn::tensor::Device;
use geoloc::core::{BatchSource, Decoder, Learner};
use geoloc::geo_cells::{LatLng, haversine_km};
use geoloc::trainer::{ProgressMode, Trainer, TrainerConfig};

use crate::methods::separable::World;

/// Answers nearer than this are right, in km: sites are ten times farther apart.
const RIGHT_KM: f64 = 290.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Nine of ten answers are right.
    Right,
    /// The median error is at most a tenth of that of the best constant answer.
    TenthOfConstant,
}

impl Goal {
    /// Panics unless the decoder's answers for held-out photos reach the goal.
    pub(crate) fn check<O>(
        self,
        name: &str,
        world: &World,
        truth: &[LatLng],
        decoder: &dyn Decoder<O>,
        output: O,
    ) {
        let answers = decoder.decode(output).unwrap();
        let mut errors: Vec<f64> = answers
            .into_iter()
            .zip(truth)
            .map(|(answer, &truth)| haversine_km(answer.unwrap().location, truth))
            .collect();
        assert_eq!(errors.len(), truth.len());
        errors.sort_by(f64::total_cmp);
        let median = errors[errors.len() / 2];
        let right = errors.iter().filter(|km| **km <= RIGHT_KM).count();
        let share = right as f64 / errors.len() as f64;
        println!("{name}: right {share:.3}, median {median:.0} km");
        match self {
            Self::Right => assert!(share >= 0.9, "{name}: only {share} right"),
            Self::TenthOfConstant => {
                let most = 0.1 * world.constant_km();
                assert!(median <= most, "{name}: median {median} km, allowed {most}");
            }
        }
    }
}

/// Trains a learner on an autodiff device: 400 steps to choose among places, 800 smaller ones to answer
/// coordinates.
pub(crate) fn train<M: Learner>(
    goal: Goal,
    learner: M,
    batches: &dyn BatchSource<Batch = M::Batch>,
    device: &Device,
) -> M {
    let (steps, learning_rate) = match goal {
        Goal::Right => (400, 2e-3),
        Goal::TenthOfConstant => (800, 1e-3),
    };
    let config = TrainerConfig {
        steps,
        warmup_steps: 20,
        learning_rate,
        ..TrainerConfig::default()
    };
    let trainer = Trainer::new(config).with_progress(ProgressMode::Hidden);
    trainer.fit(learner, batches, None, device).unwrap().learner
}
