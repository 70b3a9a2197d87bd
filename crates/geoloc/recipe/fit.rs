//! Training of an approach, whatever its types, to a component of a model file.

use std::path::PathBuf;
use std::sync::Arc;

use burn::module::Module;

use super::calibration::Calibration;
use super::finish::Finished;
use super::prepare::Prepared;
use super::{Recipe, RecipeError, TrainOptions};
use crate::approach::{
    Approach, ApproachConfig, ApproachSettings, MakeDecoder, OutputOf, PhotoTargets, WithApproach,
    insert_approach,
};
use crate::artifact::Artifact;
use crate::backbones::feature_file::{Precision, Precomputed};
use crate::core::{Encoder, GeoModel, HeadConfig, Loss, Training};
use crate::datasets::Preprocess;
use crate::features::FeatureRun;
use crate::locate::{AnyEncoder, AnyEncoderConfig};
use crate::photos::{FeatureInputs, ImageInputs, PhotoBatches, PhotoInputs};
use crate::trainer::{Fitted, History, StopReason, Trainer, TrainerConfig, Validate};

/// Name of the component in the model file.
pub(super) const COMPONENT: &str = "model";
/// Name of the checkpoint in the folder of results.
pub(super) const CHECKPOINT: &str = "train.checkpoint";

/// All that a training needs, but for the types of the approach.
pub(super) struct Fit<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) prepared: &'a Prepared,
    pub(super) options: &'a TrainOptions,
    /// With its weights; on the device of training unless it is frozen.
    pub(super) encoder: AnyEncoder,
    pub(super) encoder_config: AnyEncoderConfig,
    /// Tells the weights of the encoder from others.
    pub(super) weights: String,
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
type FittedAndFinished<E, H, L> = (Fitted<Training<E, H, L>>, Finished<H>);

impl WithApproach for Fit<'_> {
    type Output = Result<Trained, RecipeError>;

    fn call<C, L, T, D>(self, approach: Approach<C, L, T, D>) -> Self::Output
    where
        C: HeadConfig<Head: 'static>,
        L: Loss<OutputOf<C>, Target = T::Target>,
        T: PhotoTargets,
        D: MakeDecoder<C::Head>,
    {
        let device = &self.options.device;
        let autodiff = device.clone().autodiff();
        let (fitted, encoder, finished) = if self.recipe.encoder.frozen {
            let inputs = self.features()?;
            let spec = inputs.file.layout().spec;
            device.seed(self.recipe.training.seed);
            let model = GeoModel {
                encoder: Precomputed::new(spec),
                head: approach.head.init(&spec, &autodiff)?,
            };
            let (fitted, finished) = self.train(model, &inputs, &approach)?;
            let (history, reason, steps) = (fitted.history, fitted.reason, fitted.steps);
            ((history, reason, steps), self.encoder, finished)
        } else {
            let inputs = ImageInputs {
                paths: self.prepared.paths.clone(),
                input: self.input,
                augment: self.recipe.augment,
                seed: self.recipe.training.seed,
            };
            let spec = self.encoder.spec();
            let model = GeoModel {
                encoder: self.encoder.clone(),
                head: approach.head.init(&spec, &autodiff)?,
            };
            let (fitted, finished) = self.train(model, &inputs, &approach)?;
            let encoder = fitted.learner.model.encoder.clone();
            let (history, reason, steps) = (fitted.history, fitted.reason, fitted.steps);
            ((history, reason, steps), encoder, finished)
        };
        let (history, reason, steps) = fitted;
        let mut config: ApproachConfig = self.recipe.approach.clone();
        if let (Some(stated), Some(found)) = (config.stated_radius_km(), finished.radius_km) {
            *stated = found;
        }
        let model = GeoModel {
            encoder: encoder.valid(),
            head: finished.head,
        };
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
        Ok(Trained {
            history,
            reason,
            steps,
            parameters: Module::num_params(&model),
            calibration: finished.calibration,
            notes: finished.notes,
        })
    }
}

impl Fit<'_> {
    /// Features of the training and validation photos, computed once.
    fn features(&self) -> Result<FeatureInputs, RecipeError> {
        let prepared = self.prepared;
        let used: Vec<usize> = prepared
            .train
            .iter()
            .chain(&prepared.validation)
            .copied()
            .collect();
        let mut rows = vec![None; prepared.paths.len()];
        for (row, &photo) in (0u64..).zip(&used) {
            if let Some(slot) = rows.get_mut(photo) {
                *slot = Some(row);
            }
        }
        let path = |&photo: &usize| prepared.paths.get(photo).cloned();
        let paths: Vec<PathBuf> = used.iter().filter_map(path).collect();
        let options = self.options;
        let file = FeatureRun::new(&self.encoder, self.input, Precision::F32, &options.device)
            .pooled_only()
            .with_progress(options.progress)
            .of_photos(&paths, &self.weights, options.out.join("features"))?;
        Ok(FeatureInputs {
            file: Arc::new(file),
            rows: rows.into(),
        })
    }

    /// Trains a model on whatever inputs its encoder reads.
    fn train<E, I, C, L, T, D>(
        &self,
        model: GeoModel<E, C::Head>,
        inputs: &I,
        approach: &Approach<C, L, T, D>,
    ) -> Result<FittedAndFinished<E, C::Head, L>, RecipeError>
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
        let learner = Training {
            model,
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
            batches.loss_over(learner, &prepared.validation, &options.device)
        };
        let validate: Option<&mut Validate<'_, _>> = if prepared.validation.is_empty() {
            None
        } else {
            Some(&mut loss)
        };
        let autodiff = options.device.clone().autodiff();
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
        Ok((fitted, finished))
    }
}
