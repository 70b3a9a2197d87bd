//! Evaluation of both models, with their baselines.

use burn::tensor::Device;

use super::quickstart::methods;
use super::{CellRun, PairRun, WorldError, WorldTask, gray_vectors};
use crate::baseline::ConstantLocator;
use crate::core::{Locator, Photo};
use crate::datasets::View;
use crate::evaluate::{LocatedPhoto, RADII_KM, diagonal_ranks, evaluate, oracle_cells};
use crate::geo_cells::LatLng;
use crate::locate::index_embeddings;
use crate::metrics::{Gallery, MethodReport, Prediction, Rank, Report, Role};
use crate::showcase::easy_and_hard;

/// Queries shown in each gallery.
const SHOWN: usize = 8;
/// Side in pixels of the tiles shown.
const SHOWN_PIXELS: u32 = 128;
/// Recall is reported at these ranks.
const KS: [usize; 3] = [1, 5, 10];

/// The cell classifier, the best constant and the best cell, on tiles of the seen area.
pub(super) fn evaluate_cells(
    task: &WorldTask,
    cells: &CellRun,
    places: &[LatLng],
    report: &mut Report,
    device: &Device,
) -> Result<Vec<Gallery>, WorldError> {
    let photos = task.photos(View::Query, places, "seen")?;
    let conventions = report.conventions;
    let locator = cells.locator(methods::CELLS, 10, device);
    let method =
        evaluate(&locator, Role::Method, &photos, &conventions)?.with_description(format!(
            "Softmax over {} adaptive S2 cells; tiles between the training tiles.",
            cells.partition.len()
        ));
    let shown = shown(task, places, "seen")?;
    let galleries = easy_and_hard(&method, &shown, SHOWN, |i| {
        let predicted = method.predictions.get(i).and_then(|p| p.predicted);
        aerial_pictures(task, places.get(i).copied(), predicted)
    })?;
    report.push_method(method)?;
    if let Some(constant) = ConstantLocator::geometric_median(&cells.places) {
        let baseline = evaluate(&constant, Role::Baseline, &photos, &conventions)?
            .with_description("The geometric median of the training places for every tile.");
        report.push_method(baseline)?;
    }
    let oracle = oracle_cells(&cells.partition, &photos, &conventions)?
        .with_description("The nearest cell location: no choice of a cell can be better.");
    report.push_method(oracle)?;
    Ok(galleries.into())
}

/// The two-branch model and gray-level correlation, on tiles of longitudes never trained on.
///
/// `world` is the gallery of the whole world: places and embeddings.
pub(super) fn evaluate_pairs(
    task: &WorldTask,
    pairs: &PairRun,
    places: &[LatLng],
    world: (&[LatLng], &[f32]),
    report: &mut Report,
) -> Result<Vec<Gallery>, WorldError> {
    let photos = task.photos(View::Query, places, "unseen")?;
    let conventions = report.conventions;
    let index = pairs.index(&pairs.embed(View::Aerial, places)?)?;
    let ranks = diagonal_ranks(index.as_ref(), &pairs.embed(View::Query, places)?)?;
    let locator = pairs.locator(methods::RETRIEVAL, index, places, 0.0);
    let method = with_ranks(&locator, &photos, ranks, report)?.with_description(
        "Embedding of the relief tile against those of the aerial tiles of all queries.",
    );
    let shown = shown(task, places, "unseen")?;
    let galleries = easy_and_hard(&method, &shown, SHOWN, |i| {
        let predicted = method.predictions.get(i).and_then(|p| p.predicted);
        aerial_pictures(task, places.get(i).copied(), predicted)
    })?;
    report.push_method(method)?;
    report.push_method(correlation(task, places, &photos, report)?)?;

    let (world_places, embeddings) = world;
    let index = pairs.index(embeddings)?;
    let locator = pairs.locator(methods::WORLD_RETRIEVAL, index, world_places, 0.0);
    let method =
        evaluate(&locator, Role::Method, &photos, &conventions)?.with_description(format!(
            "The same model against {} aerial tiles of all land: what the model file holds.",
            world_places.len()
        ));
    report.push_method(method)?;
    Ok(galleries.into())
}

/// Gray-level correlation on the task of the two-branch model.
fn correlation(
    task: &WorldTask,
    places: &[LatLng],
    photos: &[LocatedPhoto],
    report: &Report,
) -> Result<MethodReport, WorldError> {
    let pixels = (task.pixels() * task.pixels()) as usize;
    let gallery = gray_vectors(&task.tiles(View::Aerial, places)?);
    let queries = gray_vectors(&task.tiles(View::Query, places)?);
    let index = index_embeddings(&gallery, pixels)?;
    let ranks = diagonal_ranks(&index, &queries)?;
    let predictions = photos
        .iter()
        .zip(queries.chunks_exact(pixels))
        .zip(&ranks)
        .map(|((photo, query), rank)| {
            let best = crate::evaluate::nearest(&index, query)?;
            let place = best.and_then(|i| places.get(i).copied());
            Ok(Prediction::new(&photo.id, photo.location, place).with_rank(*rank))
        })
        .collect::<Result<Vec<_>, WorldError>>()?;
    let conventions = &report.conventions;
    Ok(MethodReport::evaluate(
        methods::CORRELATION,
        Role::Baseline,
        predictions,
        &RADII_KM,
        conventions,
    )?
    .with_retrieval(places.len(), &KS, conventions)?
    .with_description("Correlation of gray levels, nothing learned; same queries and gallery."))
}

fn with_ranks(
    locator: &dyn Locator,
    photos: &[LocatedPhoto],
    ranks: Vec<Option<Rank>>,
    report: &Report,
) -> Result<MethodReport, WorldError> {
    let mut method = evaluate(locator, Role::Method, photos, &report.conventions)?;
    for (prediction, rank) in method.predictions.iter_mut().zip(ranks) {
        prediction.rank = rank;
    }
    Ok(method.with_retrieval(photos.len(), &KS, &report.conventions)?)
}

/// The queries again, at a size that people can see.
fn shown(
    task: &WorldTask,
    places: &[LatLng],
    prefix: &str,
) -> Result<Vec<LocatedPhoto>, WorldError> {
    task.at_pixels(SHOWN_PIXELS)
        .photos(View::Query, places, prefix)
}

/// The aerial tile of the truth and that of the answer.
fn aerial_pictures(
    task: &WorldTask,
    truth: Option<LatLng>,
    predicted: Option<LatLng>,
) -> Result<Vec<(String, Photo)>, WorldError> {
    let task = task.at_pixels(SHOWN_PIXELS);
    let mut pictures = Vec::new();
    for (label, place) in [("truth", truth), ("answer", predicted)] {
        let Some(place) = place else { continue };
        for photo in task.photos(View::Aerial, &[place], label)? {
            pictures.push((label.to_owned(), photo.photo));
        }
    }
    Ok(pictures)
}
