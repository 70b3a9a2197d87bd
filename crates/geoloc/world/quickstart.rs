//! The shortest whole run: both models trained, evaluated, reported and packed.

use std::path::Path;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::evaluation::{evaluate_cells, evaluate_pairs};
use super::{
    CellRunConfig, PairJitter, PairRunConfig, WorldError, WorldTask, train_cells, train_pairs,
};
use crate::artifact::{Artifact, Manifest};
use crate::backbones::SmallCnnConfig;
use crate::datasets::{TileJitter, View, world};
use crate::geo_cells::{AdaptivePartition, CellLocation, Level};
use crate::locate::{AnyEncoderConfig, insert_cell_classifier, insert_retrieval};
use crate::metrics::{Conventions, Curve, Gallery, MethodReport, Report};
use crate::trainer::{History, ProgressMode, Trainer, TrainerConfig};

/// Settings of [`quickstart`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuickstartConfig {
    /// Steps of the two-branch model.
    pub steps: u64,
    /// Pairs in each of them.
    pub pairs: usize,
    /// Steps of the cell classifier.
    pub cell_steps: u64,
    /// Tiles in each of them.
    pub cell_batch: usize,
    /// Training places that the cells are made from.
    pub cell_places: u64,
    /// Held-out tiles of each area; fewer in the seen area if there are not so many.
    pub queries: usize,
    /// Distance of the gallery's tiles in the model file, in km.
    pub gallery_spacing_km: f64,
    /// Side of a tile in pixels.
    pub pixels: u32,
    /// Channels of each stage of the encoders.
    pub channels: Vec<usize>,
    /// Seed of everything random.
    pub seed: u64,
}

impl Default for QuickstartConfig {
    fn default() -> Self {
        Self {
            steps: 240,
            pairs: 256,
            cell_steps: 300,
            cell_batch: 128,
            cell_places: 20_000,
            queries: 1000,
            gallery_spacing_km: 100.0,
            pixels: 32,
            channels: vec![32, 64, 128],
            seed: 0,
        }
    }
}

/// What a run leaves behind.
#[derive(Debug)]
pub struct QuickstartOutcome {
    /// The report; it holds no durations, so that the same seed gives the same report.
    pub report: Report,
    /// Pictures of easy and hard queries.
    pub galleries: Vec<Gallery>,
    /// Both models; `retrieval` is the default component.
    pub artifact: Artifact,
    /// The tiles and splits of the run.
    pub task: WorldTask,
}

/// Names of the methods in the report.
pub mod methods {
    /// The cell classifier, seen area.
    pub const CELLS: &str = "cells";
    /// The constant place, seen area.
    pub const CONSTANT: &str = "constant";
    /// The best cell of each query, seen area.
    pub const ORACLE: &str = "oracle cell";
    /// The two-branch model against the tiles of the queries, unseen area.
    pub const RETRIEVAL: &str = "retrieval";
    /// Correlation of gray levels, same task.
    pub const CORRELATION: &str = "gray correlation";
    /// The two-branch model against tiles of the whole world, unseen area.
    pub const WORLD_RETRIEVAL: &str = "retrieval, world gallery";
}

/// Trains and evaluates both models.
///
/// With a `folder`, checkpoints go there and a run that was cut off goes on.
///
/// # Errors
///
/// [`WorldError`].
pub fn quickstart(
    config: &QuickstartConfig,
    progress: ProgressMode,
    folder: Option<&Path>,
    device: &Device,
) -> Result<QuickstartOutcome, WorldError> {
    let task = WorldTask::new(config.pixels)?;
    let mut report = Report::new("Where on Earth is this tile?", Conventions::default());
    report.summary = SUMMARY.into();
    describe(&mut report, config, &task);
    let trained = format!("{:?} {:?}", cell_config(config), pair_config(config));
    let trainer = |name: &str, steps, learning_rate| {
        let trainer = Trainer::new(trainer_config(steps, learning_rate, config.seed))
            .named(name)
            .with_progress(progress);
        match folder {
            Some(folder) => trainer.with_checkpoint_in(folder, name, &trained),
            None => trainer,
        }
    };

    let cells = train_cells(
        &task,
        &cell_config(config),
        &trainer("cells", config.cell_steps, 2e-3),
        device,
    )?;
    let pairs = train_pairs(
        &task,
        &pair_config(config),
        &trainer("retrieval", config.steps, 3e-3),
        device,
    )?;
    report.curves = vec![
        curve("cells", &cells.history),
        curve("retrieval", &pairs.history),
    ];
    report.set("cells", cells.partition.len());

    let seen = config.queries.min(task.split().seen_len());
    let seen = task.split().seen_queries(seen, config.seed)?;
    let unseen = task.split().unseen_queries(config.queries, config.seed)?;
    let mut galleries = evaluate_cells(&task, &cells, &seen, &mut report, device)?;

    let surface = world::surface()?;
    let min_land = task.split().config().min_land;
    let places = surface.land_lattice(config.gallery_spacing_km, task.side_km(), min_land);
    let embeddings = pairs.embed(View::Aerial, &places)?;
    report.set("world_gallery_tiles", places.len());
    galleries.extend(evaluate_pairs(
        &task,
        &pairs,
        &unseen,
        (&places, &embeddings),
        &mut report,
    )?);

    let mut artifact = Artifact::new(manifest(&report));
    let settings = cells.settings.clone().map_encoder(AnyEncoderConfig::from);
    insert_cell_classifier(
        &mut artifact,
        "cells",
        &settings,
        &cells.model,
        &cells.partition,
    )?;
    let settings = pairs
        .settings(lattice_spread_km(config.gallery_spacing_km))
        .map_encoder(AnyEncoderConfig::from);
    insert_retrieval(
        &mut artifact,
        "retrieval",
        &settings,
        &pairs.model.query,
        &embeddings,
        &places,
    )?;
    Ok(QuickstartOutcome {
        report,
        galleries,
        artifact,
        task,
    })
}

const SUMMARY: &str = "Two models trained from scratch on shipped imagery of the Earth, asked for \
    tiles held out from training. The query is a tile of shaded relief, the gallery is Blue \
    Marble. These figures compare methods on this benchmark; they say nothing about photos taken \
    on the ground.";

fn describe(report: &mut Report, config: &QuickstartConfig, task: &WorldTask) {
    report.set("seed", config.seed);
    report.set("tile_km", task.side_km());
    report.set("tile_pixels", config.pixels);
    report.set("channels", format!("{:?}", config.channels));
    report.set("retrieval_steps", config.steps);
    report.set("pairs_per_step", config.pairs);
    report.set("cell_steps", config.cell_steps);
    report.set("cell_tiles_per_step", config.cell_batch);
    report.set("gallery_spacing_km", config.gallery_spacing_km);
    let bands: Vec<String> = task
        .split()
        .config()
        .bands
        .iter()
        .map(|band| format!("{} to {}", band.west, band.east))
        .collect();
    report.set("held_out_longitudes", bands.join(", "));
}

fn trainer_config(steps: u64, learning_rate: f64, seed: u64) -> TrainerConfig {
    TrainerConfig {
        steps,
        learning_rate,
        warmup_steps: 30.min(steps / 4),
        weight_decay: 0.01,
        seed,
        ..TrainerConfig::default()
    }
}

fn cell_config(config: &QuickstartConfig) -> CellRunConfig {
    CellRunConfig {
        partition_places: config.cell_places,
        partition: AdaptivePartition {
            split_above: config.cell_places / 100,
            drop_below: config.cell_places / 1000,
            min_level: Level::FACE,
            location: CellLocation::SphericalMean,
            ..AdaptivePartition::default()
        },
        encoder: encoder(config),
        dropout: 0.2,
        label_smoothing: 0.0,
        batch: config.cell_batch,
        jitter: TileJitter::default(),
        seed: config.seed,
    }
}

fn pair_config(config: &QuickstartConfig) -> PairRunConfig {
    PairRunConfig {
        encoder: encoder(config),
        dim: 128,
        scale: 14.0,
        label_smoothing: 0.0,
        // Two tiles whose centres are nearer than about a quarter of a side show the same place.
        mask_radius_km: 100.0,
        batch: config.pairs,
        pair_jitter: PairJitter::default(),
        query_jitter: TileJitter::default(),
        aerial_jitter: TileJitter::default(),
        seed: config.seed,
    }
}

fn encoder(config: &QuickstartConfig) -> SmallCnnConfig {
    SmallCnnConfig {
        input_size: config.pixels as usize,
        channels: config.channels.clone(),
    }
}

/// Root mean square distance of a point from the centre of its square of side `spacing_km`.
fn lattice_spread_km(spacing_km: f64) -> f64 {
    spacing_km / 6f64.sqrt()
}

fn curve(name: &str, history: &History) -> Curve {
    let train = history.train.iter().map(|p| (p.step, Some(p.loss), None));
    Curve::new(name, train)
}

fn manifest(report: &Report) -> Manifest {
    let mut manifest = Manifest::new("Quickstart: places of satellite and relief tiles");
    manifest.default_component = Some("retrieval".into());
    manifest.licence = "MIT OR Apache-2.0".into();
    manifest.training_note = "Trained from scratch on shaded relief and NASA Blue Marble, both in \
        the public domain, without the held-out longitudes listed in the report."
        .into();
    manifest.intended_use = "A demonstration on views of the Earth from above, 384 km wide. Not \
        for photos of people or of private places."
        .into();
    for method in &report.methods {
        manifest.metrics.extend(headline(method));
    }
    manifest
}

/// The figures of a method that fit in one line.
fn headline(method: &MethodReport) -> Vec<(String, f64)> {
    let mut figures = Vec::new();
    if let Some(median) = &method.distance.median_km {
        figures.push((format!("{}: median km", method.name), median.value));
    }
    for recall in method.retrieval.iter().flat_map(|r| &r.recall) {
        let name = format!("{}: recall at {}", method.name, recall.k);
        figures.push((name, recall.share.value));
    }
    figures
}
