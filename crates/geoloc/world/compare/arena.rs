//! Training and judging, the same for every approach.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;

use super::ground::{Ground, Set, tags};
use super::outcome::{ApproachOutcome, MethodOutcome};
use super::views::Views;
use super::{Approach, CompareConfig};
use crate::core::{
    DecodeError, Decoder, Encoder, GeoModel, Head, HeadConfig, Learner, Loss, TargetEncoder,
    Training,
};
use crate::evaluate::RADII_KM;
use crate::geo_cells::{Estimate, haversine_km};
use crate::metrics::{Conventions, Curve, MethodReport, Prediction, Role};
use crate::trainer::{Fitted, ProgressMode, Trainer};
use crate::world::WorldError;

/// Tiles that are judged together.
const BATCH: usize = 64;
/// Candidates that decoders keep.
pub(super) const KEEP: usize = 10;

/// The name of a method in the random split.
pub(super) fn random_name(name: &str) -> String {
    format!("{name} (random split)")
}

/// The name of query number `row`.
pub(super) fn prediction_id(set: Set, row: usize) -> String {
    format!("{set:?}-{row:04}").to_lowercase()
}

/// What the network reads.
pub(super) type InputOf<V> = <<V as Views>::Encoder as Encoder>::Input;
/// One result a tile.
pub(super) type Answers = Result<Vec<Result<Estimate, DecodeError>>, DecodeError>;

/// Everything that an approach needs.
pub(super) struct Arena<'a, V> {
    pub(super) ground: &'a Ground,
    pub(super) views: &'a V,
    pub(super) config: &'a CompareConfig,
    pub(super) approach: Approach,
    /// Before the names of methods.
    pub(super) prefix: &'a str,
    pub(super) key: String,
    pub(super) folder: &'a Path,
    pub(super) progress: ProgressMode,
    pub(super) interrupt: Option<Arc<AtomicBool>>,
    pub(super) conventions: Conventions,
    pub(super) device: Device,
}

/// A trained learner with what its training took.
pub(super) struct Trained<M> {
    pub(super) model: M,
    pub(super) outcome: ApproachOutcome,
}

/// Encoder and head, trained.
pub(super) type TrainedModel<V, HC> =
    Trained<GeoModel<<V as Views>::Encoder, <HC as HeadConfig>::Head>>;

impl<V: Views> Arena<'_, V> {
    /// Trains encoder and head for a loss.
    pub(super) fn train<HC, L, T>(
        &self,
        head: &HC,
        criterion: L,
        targets: T,
    ) -> Result<TrainedModel<V, HC>, WorldError>
    where
        HC: HeadConfig,
        L: Loss<<HC::Head as Head>::Output, Target = T::Target>,
        T: TargetEncoder,
    {
        let device = self.device.clone().autodiff();
        self.device.seed(self.config.seed);
        let encoder = self.views.encoder(&device)?;
        let head = head.init(&encoder.spec(), &device)?;
        let model = GeoModel { encoder, head }.materialize();
        let batches = self.views.batches(targets)?;
        let trained = self.fit(Training { model, criterion }, batches.as_ref())?;
        let GeoModel { encoder, head } = trained.model.model;
        Ok(Trained {
            model: GeoModel {
                encoder: encoder.for_inference(),
                head,
            },
            outcome: trained.outcome,
        })
    }

    /// Trains a learner that is on the autodiff device.
    pub(super) fn fit<M: Learner>(
        &self,
        learner: M,
        batches: &dyn crate::core::BatchSource<Batch = M::Batch>,
    ) -> Result<Trained<M>, WorldError> {
        let parameters = Module::num_params(&learner);
        let name = format!("{}{}", self.prefix, self.approach);
        let run = format!("{} {}", self.config.run()?, self.views.source());
        let mut trainer = Trainer::new(self.config.trainer())
            .named(&name)
            .with_progress(self.progress)
            .with_checkpoint_in(self.folder, self.approach.name(), &run);
        if let Some(flag) = &self.interrupt {
            trainer = trainer.with_interrupt(flag.clone());
        }
        let autodiff = self.device.clone().autodiff();
        let fitted = trainer.fit(learner, batches, None, &autodiff)?;
        let Fitted {
            learner,
            history,
            seconds,
            ..
        } = fitted.complete()?;
        let points = history.train.iter().map(|p| (p.step, Some(p.loss), None));
        Ok(Trained {
            model: learner,
            outcome: ApproachOutcome {
                key: self.key.clone(),
                curve: Curve::new(name, points),
                parameters,
                train_seconds: seconds,
                methods: Vec::new(),
            },
        })
    }

    /// Asks for the tiles of all three kinds. The name is that of the approach and of the variant.
    pub(super) fn judge(
        &self,
        variant: &str,
        description: &str,
        locate: &dyn Fn(InputOf<V>) -> Answers,
    ) -> Result<MethodOutcome, WorldError> {
        let name = match variant {
            "" => format!("{}{}", self.prefix, self.approach),
            _ => format!("{}{}, {variant}", self.prefix, self.approach),
        };
        let report = |name: &str, set| {
            let started = Instant::now();
            let predictions = self.predictions(set, locate)?;
            let seconds = started.elapsed().as_secs_f64();
            let n = predictions.len().max(1);
            let report = MethodReport::evaluate(
                name,
                Role::Method,
                predictions,
                &RADII_KM,
                &self.conventions,
            )?
            .with_description(description)
            .with_classes(tags::CITY, tags::ANSWER, &self.conventions)?;
            Ok::<_, WorldError>((report, 1e3 * seconds / n as f64))
        };
        let (seen, ms_per_image) = report(&name, Set::Seen)?;
        let (random, _) = report(&random_name(&name), Set::Random)?;
        let (unseen, _) = report(&format!("{name} (unseen)"), Set::Unseen)?;
        let sliced = |report: MethodReport| match variant {
            "" => report.with_slices(tags::LONGITUDE, &self.conventions),
            _ => Ok(report),
        };
        Ok(MethodOutcome {
            seen: sliced(seen)?,
            random: sliced(random)?,
            unseen,
            ms_per_image,
        })
    }

    /// As [`judge`](Self::judge), for a model with a decoder of its output.
    pub(super) fn judge_model<H: Head>(
        &self,
        variant: &str,
        description: &str,
        model: &GeoModel<V::Encoder, H>,
        decoder: &dyn Decoder<H::Output>,
    ) -> Result<MethodOutcome, WorldError> {
        self.judge(variant, description, &|input| {
            decoder.decode(model.forward(input))
        })
    }

    /// Median error in km on unchanged training tiles: the scale of what a regressor gets wrong, and
    /// less than what it gets wrong elsewhere.
    pub(super) fn typical_error_km(
        &self,
        locate: &dyn Fn(InputOf<V>) -> Answers,
    ) -> Result<f64, WorldError> {
        let mut errors: Vec<f64> = self
            .predictions(Set::Gallery, locate)?
            .iter()
            .filter_map(|p| Some(haversine_km(p.truth, p.predicted?)))
            .collect();
        errors.sort_unstable_by(f64::total_cmp);
        let median = errors.get(errors.len() / 2).copied();
        median.ok_or_else(|| WorldError::NoAnswer {
            method: format!("{}{}", self.prefix, self.approach),
        })
    }

    fn predictions(
        &self,
        set: Set,
        locate: &dyn Fn(InputOf<V>) -> Answers,
    ) -> Result<Vec<Prediction>, WorldError> {
        let places = self.ground.set(set);
        let mut predictions = Vec::with_capacity(places.len());
        for (chunk, first) in places.chunks(BATCH).zip((0..).step_by(BATCH)) {
            let input = self
                .views
                .inputs(set, first..first + chunk.len(), &self.device)?;
            let answers = locate(input)?;
            for ((&truth, answer), row) in chunk.iter().zip(answers).zip(first..) {
                let id = prediction_id(set, row);
                let prediction = match answer {
                    Ok(estimate) => Prediction::from_estimate(id, truth, &estimate),
                    Err(_) => Prediction::new(id, truth, None),
                };
                predictions.push(self.ground.tagged(prediction));
            }
        }
        Ok(predictions)
    }
}
