//! The report on photos held out.

use std::path::Path;

use burn::tensor::Device;

use super::fit::Trained;
use super::prepare::Prepared;
use super::{Recipe, RecipeError};
use crate::artifact::Artifact;
use crate::baseline::ConstantLocator;
use crate::core::{Locator, Photo};
use crate::datasets::{Preprocess, decode_all};
use crate::evaluate::LocatedPhoto;
use crate::geo_cells::Partition;
use crate::locate::load_any;
use crate::metrics::{
    Average, CALIBRATION_BINS, ConfusionMatrix, Conventions, Curve, Gallery, MethodReport,
    Prediction, Reliability, Report, Role,
};
use crate::photos::LabelledPhoto;
use crate::showcase::easy_and_hard;

/// Photos that are located together.
const CHUNK: usize = 32;
/// Photos beyond which the report shows none: all of them would have to be held in memory.
const MOST_SHOWN_OF: usize = 2000;
/// Side in pixels of the photos shown.
const SHOWN_PIXELS: u32 = 128;

/// Judges a model file and writes what it found.
pub(super) fn evaluate_model(
    recipe: &Recipe,
    prepared: &Prepared,
    trained: &Trained,
    model: &Path,
    device: &Device,
) -> Result<(Report, Vec<Gallery>), RecipeError> {
    let locator = load_any(&Artifact::open(model)?, None, device)?;
    let (rows, part) = prepared.judged();
    let photos: Vec<&LabelledPhoto> = rows
        .iter()
        .filter_map(|&row| prepared.photos.get(row))
        .collect();
    let conventions = Conventions::default();
    let radii = &recipe.evaluation.radii_km;
    let mut report = Report::new(&recipe.title, conventions);
    report.summary = format!(
        "{} trained by a recipe on {} photos and asked for {} {part} photos.",
        recipe.approach.name(),
        prepared.train.len(),
        photos.len()
    );
    describe(&mut report, recipe, prepared, trained, part);
    let judge = |locator: &dyn Locator, role| {
        let (predictions, classes): (Vec<Prediction>, Vec<Option<usize>>) =
            predict(locator, &photos).into_iter().unzip();
        let method =
            MethodReport::evaluate(locator.name(), role, predictions, radii, &conventions)?;
        Ok::<_, RecipeError>((method, classes))
    };
    let (mut method, classes) = judge(locator.as_ref(), Role::Method)?;
    recipe.approach.name().clone_into(&mut method.name);
    if let Some(partition) = prepared.ground.finest() {
        method = with_classes(method, partition, &classes, &photos)?;
    }
    if prepared.ground.finest().is_some() && trained.calibration.is_some() {
        let labelled = recipe.approach.needs_classes();
        let truth = rows.iter().map(|&row| prepared.class_of(row, labelled));
        method = with_calibration(method, &classes, &truth.collect::<Vec<_>>())?;
    }
    let galleries = shown(recipe, &method, &photos)?;
    report.push_method(method)?;
    if let Some(constant) = ConstantLocator::geometric_median(&prepared.places) {
        let description = "The geometric median of the training places for every photo.";
        let baseline = judge(&constant, Role::Baseline)?
            .0
            .with_description(description);
        report.push_method(baseline)?;
    }
    if let Some(partition) = prepared.ground.finest() {
        let nearest = |p: &&LabelledPhoto| {
            let class = partition.nearest(p.sample.location);
            let place = class.and_then(|class| partition.location(class));
            Prediction::new(&p.sample.id, p.sample.location, place)
        };
        let predictions = photos.iter().map(nearest).collect();
        let ceiling = Role::Ceiling;
        let oracle =
            MethodReport::evaluate("oracle cell", ceiling, predictions, radii, &conventions)?;
        let description = "The nearest class location: no choice of a class can be better.";
        report.push_method(oracle.with_description(description))?;
    }
    Ok((report, galleries))
}

fn describe(
    report: &mut Report,
    recipe: &Recipe,
    prepared: &Prepared,
    trained: &Trained,
    part: &str,
) {
    report.set("approach", recipe.approach.name());
    report.set("judged_by", part);
    report.set("training_photos", prepared.train.len());
    report.set("validation_photos", prepared.validation.len());
    report.set("test_photos", prepared.test.len());
    report.set("steps", trained.steps);
    report.set("parameters", trained.parameters);
    report.set("seed", recipe.training.seed);
    let sizes = prepared.ground.sizes();
    if !sizes.is_empty() {
        let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
        report.set("classes", sizes.join(", "));
    }
    if let Some(calibration) = &trained.calibration {
        report.set("temperature", calibration.temperature);
        report.set("validation_calibration_error_before", calibration.before);
        report.set("validation_calibration_error_after", calibration.after);
    }
    if !recipe.source.is_empty() {
        report.notes.push(recipe.source.clone());
    }
    report.notes.extend(prepared.notes.iter().cloned());
    report.notes.extend(trained.notes.iter().cloned());
    let train = trained.history.train.iter();
    let train = train.map(|p| (p.step, Some(p.loss), None));
    let validation = trained.history.validation.iter();
    let validation = validation.map(|p| (p.step, None, Some(p.loss)));
    let mut points: Vec<_> = train.chain(validation).collect();
    points.sort_by_key(|p| p.0);
    report.curves = vec![Curve::new(recipe.approach.name(), points)];
}

/// One prediction a photo and the class of its answer, where it has one; a file that cannot be read
/// counts as a miss.
fn predict(locator: &dyn Locator, photos: &[&LabelledPhoto]) -> Vec<(Prediction, Option<usize>)> {
    let mut predictions = Vec::with_capacity(photos.len());
    // Decoded a few at a time, as many as their pixels allow.
    let paths: Vec<&Path> = photos.iter().map(|p| p.sample.path.as_path()).collect();
    for (photo, pixels) in photos.iter().zip(decode_all(&paths)) {
        let (id, truth) = (&photo.sample.id, photo.sample.location);
        let estimate = pixels.ok().map(|pixels| locator.locate(&[pixels]));
        let estimate = estimate.and_then(|mut found| found.pop()?.ok());
        let mut prediction = match &estimate {
            Some(estimate) => Prediction::from_estimate(id, truth, estimate),
            None => Prediction::new(id, truth, None),
        };
        if let Some(class) = &photo.class {
            prediction = prediction.with_tag("class", class);
        }
        let class = estimate.as_ref().and_then(|e| e.candidate()?.class);
        predictions.push((prediction, class));
    }
    predictions
}

/// Adds accuracy and F1 over classes that have names, for the photos whose class is known.
fn with_classes(
    method: MethodReport,
    partition: &Partition,
    classes: &[Option<usize>],
    photos: &[&LabelledPhoto],
) -> Result<MethodReport, RecipeError> {
    let Some(names) = partition.names() else {
        return Ok(method);
    };
    let pairs = photos.iter().zip(classes);
    let (truth, predicted): (Vec<usize>, Vec<Option<usize>>) = pairs
        .filter_map(|(photo, predicted)| {
            let class = photo.class.as_ref()?;
            let truth = names.iter().position(|name| name == class)?;
            Some((truth, *predicted))
        })
        .unzip();
    if truth.is_empty() {
        return Ok(method);
    }
    let matrix = ConfusionMatrix::new(&truth, &predicted, names.len())?;
    let scores = matrix.average(Average::Macro);
    Ok(method
        .with_extra("classified photos", truth.len() as f64)
        .with_extra("accuracy", matrix.accuracy())
        .with_extra("macro F1", scores.f1)
        .with_extra("macro precision", scores.precision)
        .with_extra("macro recall", scores.recall))
}

/// Adds how well probabilities agree with how often the class is right; a photo of no class counts as
/// wrong, one without an answer does not count.
fn with_calibration(
    method: MethodReport,
    classes: &[Option<usize>],
    truth: &[Option<usize>],
) -> Result<MethodReport, RecipeError> {
    let rows = method.predictions.iter().zip(classes).zip(truth);
    // Photos without an answer state no probability and take no part.
    let (confidence, right): (Vec<f64>, Vec<bool>) = rows
        .filter_map(|((prediction, class), truth)| {
            let right = truth.is_some() && class == truth;
            Some((prediction.probability?.clamp(0.0, 1.0), right))
        })
        .unzip();
    if confidence.is_empty() {
        return Ok(method);
    }
    let reliability = Reliability::new(&confidence, &right, CALIBRATION_BINS)?;
    Ok(method.with_extra("expected calibration error", reliability.expected_error))
}

/// The easiest and the hardest photos.
fn shown(
    recipe: &Recipe,
    method: &MethodReport,
    photos: &[&LabelledPhoto],
) -> Result<Vec<Gallery>, RecipeError> {
    if recipe.evaluation.shown == 0 || photos.len() > MOST_SHOWN_OF {
        return Ok(Vec::new());
    }
    let small = Preprocess::square(SHOWN_PIXELS);
    let mut pictures = Vec::with_capacity(photos.len());
    for chunk in photos.chunks(CHUNK) {
        let paths: Vec<&Path> = chunk.iter().map(|p| p.sample.path.as_path()).collect();
        for (photo, pixels) in chunk.iter().zip(decode_all(&paths)) {
            let reduced = pixels.ok().and_then(|pixels| {
                let rgb = small.resize_crop(pixels.rgb(), pixels.width(), pixels.height());
                Photo::from_rgb(SHOWN_PIXELS, SHOWN_PIXELS, rgb.ok()?).ok()
            });
            // A photo that cannot be read keeps its place, as gray.
            let side = SHOWN_PIXELS as usize;
            let gray = || Photo::from_rgb(SHOWN_PIXELS, SHOWN_PIXELS, vec![128; 3 * side * side]);
            let Some(photo_pixels) = reduced.or_else(|| gray().ok()) else {
                continue;
            };
            pictures.push(LocatedPhoto {
                id: photo.sample.id.clone(),
                photo: photo_pixels,
                location: photo.sample.location,
            });
        }
    }
    let galleries = easy_and_hard(method, &pictures, recipe.evaluation.shown, |_| {
        Ok::<_, crate::images::EncodeError>(Vec::new())
    })?;
    Ok(galleries.into())
}
