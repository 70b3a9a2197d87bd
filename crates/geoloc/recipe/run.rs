//! From photos to a model file and a report.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use rayon::prelude::*;
use serde_json::json;

use super::evaluation::evaluate_model;
use super::fit::{CHECKPOINT, COMPONENT, Fit};
use super::prepare::Prepared;
use super::{Length, Recipe, RecipeError, in_weights_folder};
use crate::artifact::{Artifact, Manifest};
use crate::backbones::weights::{sha256_of, verify_sha256};
use crate::core::EncoderConfig;
use crate::job::{JobClaim, JobError, JobInput, JobRecord};
use crate::metrics::{Gallery, HtmlReport, Report};
use crate::output::OutputFiles;
use crate::photos::{LabelledPhoto, PhotoList};
use crate::seed::draw_weights;
use crate::trainer::{ProgressMode, StopReason};

/// What a training does besides what its recipe says.
#[derive(Clone, Debug)]
pub struct TrainOptions {
    /// Folder of the results and of what a later call resumes from.
    pub out: PathBuf,
    /// How long to train, in place of what the recipe says.
    pub length: Option<Length>,
    /// Whether it shows how it goes.
    pub progress: ProgressMode,
    /// Once it is true, the training ends after the current step with a checkpoint and
    /// [`TrainError::Interrupted`](crate::trainer::TrainError::Interrupted); a later call goes on.
    pub interrupt: Option<Arc<AtomicBool>>,
    /// Where to compute.
    pub device: Device,
}

impl TrainOptions {
    /// The length of the recipe, progress, the default device.
    #[must_use]
    pub fn to(out: impl AsRef<Path>) -> Self {
        Self {
            out: out.as_ref().to_owned(),
            length: None,
            progress: ProgressMode::Auto,
            interrupt: None,
            device: Device::default(),
        }
    }
}

/// What a training leaves behind.
#[derive(Debug)]
pub struct TrainOutcome {
    /// The model file.
    pub model: PathBuf,
    /// The report on the photos held out.
    pub report: Report,
    /// The same as a page.
    pub page: PathBuf,
    /// Easy and hard photos.
    pub galleries: Vec<Gallery>,
    /// Steps taken, and why there were no more.
    pub steps: u64,
    /// Why the training ended.
    pub reason: StopReason,
}

/// Trains by a recipe: `model.bpk`, `report.json` and `report.html` in the folder of the options.
///
/// A call that was cut off is resumed by the same call: from the last checkpoint, and with the
/// features computed so far. Equal recipes, photos and seeds give equal models on one machine.
///
/// # Errors
///
/// [`RecipeError`]. What was computed before the error stays for the next call. A folder that was begun with
/// another recipe, length or photos is refused. Model and reports of an earlier call stay until all of the
/// new ones are whole.
pub fn train(
    recipe: &Recipe,
    photos: PhotoList,
    options: &TrainOptions,
) -> Result<TrainOutcome, RecipeError> {
    recipe.check()?;
    let record = record(recipe, &photos, options)?;
    let remarks = photos.remarks.clone();
    let mut prepared = Prepared::new(recipe, photos)?;
    prepared.notes.extend(remarks);
    let hint = batch_hint(recipe, prepared.train.len());
    prepared.notes.extend(hint);
    let published = recipe.encoder.resolve()?;
    options.device.seed(recipe.training.seed);
    let mut encoder = published.config.init(&options.device.clone().autodiff())?;
    draw_weights(&encoder);
    let mut weights = None;
    if let Some(path) = &recipe.encoder.weights {
        let path = in_weights_folder(path);
        if let Some(expected) = &recipe.encoder.sha256 {
            verify_sha256(&path, expected)?;
        }
        weights = Some(encoder.load_weights(&path, &published.keys)?.sha256);
    }
    let mut artifact = Artifact::new(manifest(recipe, &prepared));
    let trained = recipe.encoder.trained(&published.config);
    let config = &recipe.training;
    let fit = Fit {
        recipe,
        prepared: &prepared,
        options,
        encoder,
        weights,
        encoder_config: published.config,
        input: recipe.input.apply(published.input),
        trainer: config.trainer_config(prepared.train.len(), options.length, trained)?,
        artifact: &mut artifact,
    };
    let _claim = claim(&options.out, &record)?;
    let trained = recipe
        .approach
        .with(&prepared.ground, &prepared.places, fit)??;
    // Results of an earlier call stay until all of these are whole.
    let (model, page) = (
        options.out.join("model.bpk"),
        options.out.join("report.html"),
    );
    let mut files = OutputFiles::default();
    let written = files.stage(&model, |path| Ok::<_, RecipeError>(artifact.save(path)?))?;
    let (report, galleries) =
        evaluate_model(recipe, &prepared, &trained, &written, &options.device)?;
    files.stage(options.out.join("report.json"), |path| {
        Ok::<_, RecipeError>(report.write_json(path)?)
    })?;
    let html = galleries
        .iter()
        .cloned()
        .fold(HtmlReport::new(&report), HtmlReport::with_gallery);
    files.stage(&page, |path| Ok::<_, RecipeError>(html.write(path)?))?;
    files.commit()?;
    Ok(TrainOutcome {
        model,
        report,
        page,
        galleries,
        steps: trained.steps,
        reason: trained.reason,
    })
}

/// What tells a run from others: recipe, weights, length and photos. Photos that are decoded anyway
/// before the training are told by their content, others by size and time.
fn record(
    recipe: &Recipe,
    list: &PhotoList,
    options: &TrainOptions,
) -> Result<JobRecord, RecipeError> {
    let mut told = recipe.clone();
    // Weights are told by their content, wherever they lie.
    let weights = match told.encoder.weights.take() {
        Some(path) => Some(sha256_of(in_weights_folder(&path))?),
        None => None,
    };
    let input = |photo: &LabelledPhoto| {
        let (sample, path) = (&photo.sample, &photo.sample.path);
        let place = [sample.location.lat(), sample.location.lng()];
        let known = json!([place, photo.class, photo.group, photo.scene, sample.tags]);
        let input = JobInput::new(&sample.id, known);
        if recipe.data.check {
            input
                .with_content_of(path)
                .map_err(|source| RecipeError::Io {
                    path: path.clone(),
                    source,
                })
        } else {
            Ok(input.with_times_of(path))
        }
    };
    let inputs: Result<Vec<JobInput>, RecipeError> = list.photos.par_iter().map(input).collect();
    Ok(JobRecord {
        settings: json!({ "recipe": told, "weights": weights, "length": options.length }),
        inputs: inputs?,
    })
}

/// Makes the folder that of this run, or fails if it is that of another one.
fn claim(out: &Path, record: &JobRecord) -> Result<JobClaim, RecipeError> {
    let path = out.join("run.json");
    let checkpoint = out.join(CHECKPOINT);
    if checkpoint.exists() && !path.exists() {
        let name = checkpoint.display();
        return Err(RecipeError::Job(JobError::Other {
            results: out.to_owned(),
            difference: format!("there is {name}, but not {}", path.display()),
        }));
    }
    Ok(record.claim(&path, out)?)
}

/// What to know of a batch that is larger than the data.
fn batch_hint(recipe: &Recipe, photos: usize) -> Option<String> {
    let batch = recipe.training.batch;
    (batch > photos).then(|| {
        format!(
            "`training.batch` = {batch} is more than the {photos} training photos: each step reads all of \
             them, some more than once; a batch of at most {photos} is faster"
        )
    })
}

fn manifest(recipe: &Recipe, prepared: &Prepared) -> Manifest {
    let mut manifest = Manifest::new(&recipe.title);
    manifest.default_component = Some(COMPONENT.into());
    manifest.training_note = format!(
        "Trained by the recipe \"{}\" on {} photos. {}",
        recipe.title,
        prepared.train.len(),
        recipe.source
    );
    manifest
}
