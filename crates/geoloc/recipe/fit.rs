//! Training of an approach, whatever its types, to a component of a model file.

use std::path::PathBuf;
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;

use super::prepare::Prepared;
use super::{Recipe, RecipeError, TrainOptions};
use crate::approach::{
    Approach, ApproachConfig, ApproachSettings, Gallery, GalleryOf, MakeDecoder, OutputOf,
    PhotoTargets, WithApproach, insert_approach,
};
use crate::artifact::Artifact;
use crate::backbones::feature_file::{Precision, Precomputed};
use crate::core::{Decoder, Encoder, GeoModel, Head, HeadConfig, Loss, Training};
use crate::datasets::Preprocess;
use crate::features::FeatureRun;
use crate::geo_cells::{LatLng, haversine_km};
use crate::locate::{AnyEncoder, AnyEncoderConfig};
use crate::photos::{FeatureInputs, ImageInputs, PhotoBatches, PhotoInputs};
use crate::trainer::{Fitted, History, StopReason, Trainer, TrainerConfig, Validate};

/// Name of the component in the model file.
pub(super) const COMPONENT: &str = "model";
/// Photos that go through a model together after the training.
const CHUNK: usize = 64;

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
}

/// What comes of a training, in the types of the approach.
struct Finished<H, D> {
    head: H,
    gallery: Gallery,
    decoder: D,
    /// Median distance in km of answers for validation photos, where it was asked for.
    radius_km: Option<f64>,
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
    #[allow(
        clippy::type_complexity,
        reason = "the learner's type says what it is made of"
    )]
    fn train<E, I, C, L, T, D>(
        &self,
        model: GeoModel<E, C::Head>,
        inputs: &I,
        approach: &Approach<C, L, T, D>,
    ) -> Result<
        (
            Fitted<Training<E, C::Head, L>>,
            Finished<C::Head, D::Decoder>,
        ),
        RecipeError,
    >
    where
        E: Encoder<Input = I::Input>,
        I: PhotoInputs + Clone,
        C: HeadConfig<Head: 'static>,
        L: Loss<OutputOf<C>, Target = T::Target>,
        T: PhotoTargets,
        D: MakeDecoder<C::Head>,
    {
        let (prepared, options) = (self.prepared, self.options);
        let batches = PhotoBatches::new(
            inputs.clone(),
            prepared.labels.clone(),
            prepared.train.clone(),
            approach.targets.clone(),
            self.recipe.training.batch,
            self.recipe.training.seed,
        )?;
        let learner = Training {
            model,
            criterion: approach.loss.clone(),
        };
        let mut trainer = Trainer::new(self.trainer.clone())
            .named(self.recipe.approach.name())
            .with_progress(options.progress)
            .with_checkpoint(options.out.join("train.checkpoint"));
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
        let fitted = trainer.fit(learner, &batches, validate, &autodiff)?;
        let model = &fitted.learner.model;
        let gallery = self.gallery(model, inputs, &approach.decoder)?;
        let decoder = approach.decoder.make(&model.head, gallery.clone())?;
        let mut finished = Finished {
            head: model.head.clone(),
            gallery,
            decoder,
            radius_km: None,
        };
        if self.recipe.approach.clone().stated_radius_km().is_some() {
            finished.radius_km = self.radius_km(model, inputs, &finished.decoder)?;
        }
        Ok((fitted, finished))
    }

    fn gallery<E, I, H, D>(
        &self,
        model: &GeoModel<E, H>,
        inputs: &I,
        decoder: &D,
    ) -> Result<Gallery, RecipeError>
    where
        E: Encoder<Input = I::Input>,
        I: PhotoInputs,
        H: Head,
        D: MakeDecoder<H>,
    {
        let device = &self.options.device;
        let mut gallery = Gallery::default();
        let mut add = |rows: Option<burn::tensor::Tensor<2>>, places: &[LatLng]| {
            let Some(rows) = rows else { return Ok(()) };
            let [_, dim] = rows.dims();
            let values = rows.try_into_vec_as::<f32>();
            let values = values.map_err(|e| RecipeError::Input(e.to_string().into()))?;
            gallery.embeddings.extend(values);
            gallery.dim = dim;
            gallery.places.extend_from_slice(places);
            Ok::<(), RecipeError>(())
        };
        match decoder.gallery() {
            GalleryOf::Nothing => {}
            GalleryOf::Photos => {
                for rows in self.prepared.train.chunks(CHUNK) {
                    let output = forward(model, inputs, rows, device)?;
                    add(decoder.photo_rows(output), &self.places_of(rows))?;
                }
            }
            GalleryOf::Places(most) => {
                for places in thinned(&self.prepared.places, most).chunks(CHUNK) {
                    add(decoder.place_rows(&model.head, places, device), places)?;
                }
            }
        }
        Ok(gallery)
    }

    fn places_of(&self, rows: &[usize]) -> Vec<LatLng> {
        let label = |&row: &usize| self.prepared.labels.get(row);
        rows.iter().filter_map(label).map(|l| l.location).collect()
    }

    /// Median distance between answers and truth over the validation photos, or over the training
    /// photos if there are none.
    fn radius_km<E, I, H, D>(
        &self,
        model: &GeoModel<E, H>,
        inputs: &I,
        decoder: &D,
    ) -> Result<Option<f64>, RecipeError>
    where
        E: Encoder<Input = I::Input>,
        I: PhotoInputs,
        H: Head,
        D: Decoder<H::Output>,
    {
        let rows = match self.prepared.validation.as_slice() {
            [] => &self.prepared.train,
            rows => rows,
        };
        let mut distances = Vec::with_capacity(rows.len());
        for rows in rows.chunks(CHUNK) {
            let output = forward(model, inputs, rows, &self.options.device)?;
            let decoded = decoder.decode(output);
            let decoded = decoded.map_err(|e| RecipeError::Input(e.into()))?;
            for (place, estimate) in self.places_of(rows).into_iter().zip(decoded) {
                distances.extend(estimate.map(|e| haversine_km(place, e.location)).ok());
            }
        }
        distances.sort_by(f64::total_cmp);
        Ok(distances
            .get(distances.len().saturating_sub(1) / 2)
            .copied())
    }
}

fn forward<E, I, H>(
    model: &GeoModel<E, H>,
    inputs: &I,
    rows: &[usize],
    device: &Device,
) -> Result<H::Output, RecipeError>
where
    E: Encoder<Input = I::Input>,
    I: PhotoInputs,
    H: Head,
{
    let input = inputs.inputs(rows, None, device);
    Ok(model.forward(input.map_err(RecipeError::Input)?))
}

/// Different places in the order of their first occurrence, at even steps if there are more than
/// `most`.
fn thinned(places: &[LatLng], most: usize) -> Vec<LatLng> {
    let mut seen = std::collections::BTreeSet::new();
    let key = |p: &LatLng| (p.lat().to_bits(), p.lng().to_bits());
    let distinct: Vec<LatLng> = places
        .iter()
        .copied()
        .filter(|p| seen.insert(key(p)))
        .collect();
    if distinct.len() <= most {
        return distinct;
    }
    let at = |k: usize| distinct.get(k * distinct.len() / most).copied();
    (0..most).filter_map(at).collect()
}
