//! Training of an approach, whatever its types, to a component of a model file.

use std::sync::Arc;

use burn::module::Module;
use serde_json::json;

use super::calibration::Calibration;
use super::finish::Finished;
use super::prepare::Prepared;
use super::{Recipe, RecipeError, TrainOptions, TrainedPart};
use crate::approach::{
    Approach, ApproachConfig, ApproachSettings, MakeDecoder, OutputOf, PhotoTargets, WithApproach,
    insert_approach,
};
use crate::artifact::Artifact;
use crate::backbones::feature_file::{Precision, Precomputed};
use crate::backbones::pooling::{Pooled, PoolingConfig};
use crate::core::{Encoder, GeoModel, HeadConfig, Loss, Training};
use crate::datasets::Preprocess;
use crate::features::FeatureRun;
use crate::locate::{AnyEncoder, AnyEncoderConfig};
use crate::photos::{FeatureInputs, ImageInputs, PhotoBatches, PhotoInputs};
use crate::trainer::{History, StopReason, Trainer, TrainerConfig, Validate};

/// Name of the component in the model file.
pub(super) const COMPONENT: &str = "model";
/// Name of the checkpoint in the folder of results.
pub(super) const CHECKPOINT: &str = "train.checkpoint";

/// All that a training needs, but for the types of the approach.
pub(super) struct Fit<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) prepared: &'a Prepared,
    pub(super) options: &'a TrainOptions,
    /// With its weights, on the device of training.
    pub(super) encoder: AnyEncoder,
    pub(super) encoder_config: AnyEncoderConfig,
    /// SHA-256 of the weights, if they are from a file.
    pub(super) weights: Option<String>,
    pub(super) input: Preprocess,
    pub(super) trainer: TrainerConfig,
    /// Where the component goes.
    pub(super) artifact: &'a mut Artifact,
}

/// How a training went.
#[derive(Debug)]
pub(super) struct Trained {
    pub(super) history: History,
    pub(super) reason: StopReason,
    pub(super) steps: u64,
    /// Parameters of the whole model.
    pub(super) parameters: usize,
    /// The temperature of a classifier.
    pub(super) calibration: Option<Calibration>,
    /// What a reader should know.
    pub(super) notes: Vec<String>,
}

/// A finished training, and what was made of its model.
struct Run<E, H> {
    encoder: E,
    finished: Finished<H>,
    history: History,
    reason: StopReason,
    steps: u64,
}

impl WithApproach for Fit<'_> {
    type Output = Result<Trained, RecipeError>;

    fn call<C, L, T, D>(self, approach: Approach<C, L, T, D>) -> Self::Output
    where
        C: HeadConfig<Head: 'static>,
        L: Loss<OutputOf<C>, Target = T::Target>,
        T: PhotoTargets,
        D: MakeDecoder<C::Head>,
    {
        let Run {
            encoder,
            finished,
            history,
            reason,
            steps,
        } = match self.recipe.encoder.trained(&self.encoder_config) {
            TrainedPart::Whole => {
                let inputs = ImageInputs {
                    paths: self.prepared.paths.clone(),
                    input: self.input,
                    augment: self.recipe.augment,
                    seed: self.recipe.training.seed,
                };
                self.train(self.encoder.clone(), &inputs, &approach)?
            }
            TrainedPart::Nothing => {
                let inputs = self.features(&self.encoder, &self.encoder_config, false)?;
                let spec = inputs.file.layout().spec;
                // A pooling that does nothing: both kinds of features are then trained by one type.
                let pooling = PoolingConfig::Class.init(&spec, &self.options.device)?;
                let encoder = Pooled::new(Precomputed::new(spec), pooling, false);
                let run = self.train(encoder, &inputs, &approach)?;
                run.with_encoder(|_| self.encoder.clone())
            }
            TrainedPart::Pooling => {
                let (
                    AnyEncoder::Pooled(pooled),
                    AnyEncoderConfig::Pooled {
                        encoder: config, ..
                    },
                ) = (&self.encoder, &self.encoder_config)
                else {
                    let reason = "the encoder has none that could be trained";
                    return Err(RecipeError::key("encoder.pooling", reason));
                };
                let inputs = self.features(&pooled.encoder, config, true)?;
                let encoder = pooled.after(Precomputed::new(inputs.file.layout().spec));
                let run = self.train(encoder, &inputs, &approach)?;
                run.with_encoder(|trained| {
                    AnyEncoder::Pooled(Box::new(trained.after(pooled.encoder.clone())))
                })
            }
        };
        let mut config: ApproachConfig = self.recipe.approach.clone();
        if let (Some(stated), Some(found)) = (config.stated_radius_km(), finished.radius_km) {
            *stated = found;
        }
        if let (Some(stated), Some(found)) = (config.offset_residual(), finished.residual) {
            *stated = found;
        }
        let model = GeoModel {
            encoder: encoder.valid(),
            head: finished.head,
        };
        let domain = self.domain(&model.encoder)?;
        let settings = ApproachSettings {
            input: self.input,
            encoder: self.encoder_config,
            approach: config,
            ground_hash: self.prepared.ground.content_hash(),
            temperature: finished.calibration.map_or(1.0, |c| c.temperature),
        };
        insert_approach(
            self.artifact,
            COMPONENT,
            &settings,
            &model,
            &self.prepared.ground,
            &finished.gallery,
        )?;
        let mut notes = finished.notes;
        match domain {
            Ok(domain) => self.artifact.insert_domain(COMPONENT, &domain)?,
            Err(note) => notes.push(note),
        }
        Ok(Trained {
            history,
            reason,
            steps,
            parameters: Module::num_params(&model),
            calibration: finished.calibration,
            notes,
        })
    }
}

impl<E, H> Run<E, H> {
    fn with_encoder<F>(self, make: impl FnOnce(E) -> F) -> Run<F, H> {
        Run {
            encoder: make(self.encoder),
            finished: self.finished,
            history: self.history,
            reason: self.reason,
            steps: self.steps,
        }
    }
}

impl Fit<'_> {
    /// What an encoder of this configuration makes of the training and validation photos, computed once:
    /// pooled features, and its tokens if `tokens`.
    fn features(
        &self,
        encoder: &AnyEncoder,
        config: &AnyEncoderConfig,
        tokens: bool,
    ) -> Result<FeatureInputs, RecipeError> {
        let prepared = self.prepared;
        let used: Vec<usize> = prepared
            .train
            .iter()
            .chain(&prepared.validation)
            .copied()
            .collect();
        let mut rows = vec![None; prepared.paths.len()];
        let mut paths = Vec::with_capacity(used.len());
        for (row, &photo) in (0u64..).zip(&used) {
            let (Some(slot), Some(path)) = (rows.get_mut(photo), prepared.paths.get(photo)) else {
                let reason = format!("there is no photo {photo}");
                return Err(RecipeError::Input(reason.into()));
            };
            *slot = Some(row);
            paths.push(path.clone());
        }
        let Some(weights) = &self.weights else {
            let reason = "the encoder has no weights of a file that its features could be told by";
            return Err(RecipeError::key("encoder.weights", reason));
        };
        let kind = if tokens { " tokens" } else { "" };
        let options = self.options;
        let mut run = FeatureRun::new(encoder, self.input, Precision::F32, &options.device)
            .with_progress(options.progress);
        if !tokens {
            run = run.pooled_only();
        }
        let key = format!("{weights} {}{kind}", json!(config));
        let file = run.of_photos(&paths, &key, options.out.join("features"))?;
        Ok(FeatureInputs {
            file: Arc::new(file),
            rows: rows.into(),
        })
    }

    /// Trains encoder and head on whatever inputs the encoder reads.
    fn train<E, I, C, L, T, D>(
        &self,
        encoder: E,
        inputs: &I,
        approach: &Approach<C, L, T, D>,
    ) -> Result<Run<E, C::Head>, RecipeError>
    where
        E: Encoder<Input = I::Input>,
        I: PhotoInputs + Clone,
        C: HeadConfig<Head: 'static>,
        L: Loss<OutputOf<C>, Target = T::Target>,
        T: PhotoTargets,
        D: MakeDecoder<C::Head>,
    {
        let (prepared, options) = (self.prepared, self.options);
        let mut batches = PhotoBatches::new(
            inputs.clone(),
            prepared.labels.clone(),
            prepared.train.clone(),
            approach.targets.clone(),
            self.recipe.training.batch,
            self.recipe.training.seed,
        )?;
        let width_km = self.recipe.approach.place_km();
        if let (Some(photos), Some(width_km)) = (self.recipe.training.photos_per_place, width_km) {
            batches = batches.by_place(photos, width_km)?;
        }
        let autodiff = options.device.clone().autodiff();
        // Whatever was drawn or read before, the same head.
        options.device.seed(self.recipe.training.seed);
        let head = approach.head.init(&encoder.spec(), &autodiff)?;
        let learner = Training {
            model: GeoModel { encoder, head },
            criterion: approach.loss.clone(),
        };
        let mut trainer = Trainer::new(self.trainer.clone())
            .named(self.recipe.approach.name())
            .with_progress(options.progress)
            .with_checkpoint(options.out.join(CHECKPOINT));
        if let Some(flag) = &options.interrupt {
            trainer = trainer.with_interrupt(flag.clone());
        }
        let mut loss = |learner: &Training<E, C::Head, L>| {
            batches.loss_over(learner, &prepared.validation_batches, &options.device)
        };
        let validate: Option<&mut Validate<'_, _>> = if prepared.validation_batches.is_empty() {
            None
        } else {
            Some(&mut loss)
        };
        let fitted = trainer
            .fit(learner, &batches, validate, &autodiff)?
            .complete()?;
        let mut finished = self.finish(&fitted.learner.model, inputs, &approach.decoder)?;
        if batches.lone() > 0 {
            finished.notes.push(format!(
                "{} training photos have no other one at their place and were not drawn",
                batches.lone()
            ));
        }
        Ok(Run {
            encoder: fitted.learner.model.encoder,
            finished,
            history: fitted.history,
            reason: fitted.reason,
            steps: fitted.steps,
        })
    }
}
