//! From photos to a model file and a report.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::evaluation::evaluate_model;
use super::fit::{COMPONENT, Fit};
use super::prepare::Prepared;
use super::{Length, Recipe, RecipeError, in_weights_folder};
use crate::artifact::{Artifact, Manifest};
use crate::backbones::weights::verify_sha256;
use crate::core::EncoderConfig;
use crate::metrics::{Gallery, HtmlReport, Report};
use crate::photos::PhotoList;
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
/// [`RecipeError`]. What was computed before the error stays for the next call.
pub fn train(
    recipe: &Recipe,
    photos: PhotoList,
    options: &TrainOptions,
) -> Result<TrainOutcome, RecipeError> {
    recipe.check()?;
    let run = identity(recipe, &photos, options);
    let prepared = Prepared::new(recipe, photos)?;
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
    claim(&options.out, &run)?;
    let trained = recipe
        .approach
        .with(&prepared.ground, &prepared.places, fit)??;
    let model = options.out.join("model.bpk");
    artifact.save(&model)?;
    let (report, galleries) = evaluate_model(recipe, &prepared, &trained, &model, &options.device)?;
    report.write_json(options.out.join("report.json"))?;
    let page = options.out.join("report.html");
    galleries
        .iter()
        .cloned()
        .fold(HtmlReport::new(&report), HtmlReport::with_gallery)
        .write(&page)?;
    Ok(TrainOutcome {
        model,
        report,
        page,
        galleries,
        steps: trained.steps,
        reason: trained.reason,
    })
}

/// What tells a run from others: recipe, length and photos.
fn identity(recipe: &Recipe, list: &PhotoList, options: &TrainOptions) -> String {
    let mut hash = Sha256::new();
    for photo in &list.photos {
        let text = json!([photo.sample, photo.class, photo.group, photo.scene]).to_string();
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    let hex: Vec<String> = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
    let own = json!({ "recipe": recipe, "length": options.length, "photos": hex.concat() });
    format!("{own:#}\n")
}

/// Makes the folder that of this run, or fails if it is that of another one.
fn claim(out: &Path, run: &str) -> Result<(), RecipeError> {
    let path = out.join("run.json");
    let failed = |source: std::io::Error| RecipeError::Io {
        path: path.clone(),
        source,
    };
    match std::fs::read_to_string(&path) {
        Ok(text) if text == run => Ok(()),
        Ok(_) => Err(RecipeError::OtherRun { path }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            std::fs::create_dir_all(out).map_err(failed)?;
            std::fs::write(&path, run).map_err(failed)
        }
        Err(e) => Err(failed(e)),
    }
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
