//! The comparison as a whole.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;

use super::arena::{Arena, prediction_id, random_name};
use super::ground::{Ground, Set, tags};
use super::outcome::{ApproachOutcome, MethodOutcome};
use super::views::{Frozen, Pixels, Views};
use super::{Approach, CompareConfig, FrozenEncoder};
use crate::core::Backbone;
use crate::evaluate::RADII_KM;
use crate::geo_cells::{CellLocation, LatLng, Partition};
use crate::metrics::{Conventions, MethodReport, Prediction, Report, Role};
use crate::trainer::ProgressMode;
use crate::world::WorldError;

/// Which approaches are compared, and how it is told.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// Settings.
    pub config: CompareConfig,
    /// What is compared, in the order of the report.
    pub approaches: Vec<Approach>,
    /// Results and checkpoints go here; what is there already is not done again.
    pub folder: &'a Path,
    /// Whether progress is shown.
    pub progress: ProgressMode,
    /// Once it is true, the comparison ends after the current step with a checkpoint and
    /// [`TrainError::Interrupted`](crate::trainer::TrainError::Interrupted); a later one goes on.
    pub interrupt: Option<Arc<AtomicBool>>,
}

/// Told after each approach.
pub type Progress<'a> = dyn FnMut(&ApproachOutcome) + 'a;

/// What a comparison leaves behind.
#[derive(Debug)]
pub struct CompareOutcome {
    /// Tables and figures: first the seen area, then the random split and the unseen area.
    pub report: Report,
    /// One for each approach.
    pub approaches: Vec<ApproachOutcome>,
    /// Results in the folder that were of other settings, or damaged, and were made anew; one line each.
    pub replaced: Vec<String>,
}

/// Pairs that are compared query by query, where both are there.
const PAIRS: [(&str, &str); 14] = [
    ("combinatorial", "cells"),
    ("combinatorial", "fine-cells"),
    ("combinatorial", "combinatorial, set 1"),
    ("combinatorial", "combinatorial, set 2"),
    ("combinatorial", "combinatorial, set 3"),
    ("combinatorial", "combinatorial, set 4"),
    ("combinatorial", "combinatorial, set 5"),
    ("hierarchical", "hierarchical, finest level"),
    ("cell-offset", "cell-offset, cells alone"),
    ("unit-regression", "scaled-regression"),
    ("scaled-regression", "sigmoid-regression"),
    ("cosine", "cells"),
    ("cells", "cells, nearest neighbour"),
    ("cells, mode", "cells"),
];

/// Trains every approach and asks it for held-out tiles.
///
/// With a frozen encoder every approach is trained a second time, on its features.
///
/// # Errors
///
/// [`WorldError`]; finished approaches stay in the folder.
pub fn compare<E: Backbone>(
    comparison: &Comparison<'_>,
    frozen: Option<&FrozenEncoder<E>>,
    told: &mut Progress<'_>,
    device: &Device,
) -> Result<CompareOutcome, WorldError> {
    let config = &comparison.config;
    let ground = Ground::new(config)?;
    let conventions = Conventions::default();
    let mut report = Report::new("Approaches compared", conventions);
    report.summary = SUMMARY.into();
    describe(&mut report, config, &ground);
    let pixels = Pixels {
        ground: &ground,
        config,
    };
    let (mut all, mut replaced) = round(
        comparison,
        &ground,
        &pixels,
        "",
        comparison.folder,
        told,
        device,
    )?;
    if let Some(frozen) = frozen {
        let folder = comparison.folder.join(&frozen.name);
        make_folder(&folder)?;
        let views = Frozen::new(
            frozen,
            &ground,
            config,
            &folder,
            comparison.progress,
            device,
        )?;
        let prefix = format!("{} ", frozen.name);
        let (more, other) = round(comparison, &ground, &views, &prefix, &folder, told, device)?;
        all.extend(more);
        replaced.extend(other);
    }
    for outcome in &all {
        report.curves.push(outcome.curve.clone());
    }
    // Figures show the first methods: one of each approach before their variants.
    let (mut first, mut variants) = (Vec::new(), Vec::new());
    let (mut random, mut unseen) = (Vec::new(), Vec::new());
    for approach in &all {
        for (i, method) in approach.methods.iter().enumerate() {
            let to = if i == 0 { &mut first } else { &mut variants };
            to.push(with_costs(approach, method));
            random.push(method.random.clone());
            unseen.push(method.unseen.clone());
        }
    }
    first.extend(baselines(&ground, Set::Seen, str::to_owned, &conventions)?);
    random.extend(baselines(&ground, Set::Random, random_name, &conventions)?);
    for method in [first, variants, random, unseen].into_iter().flatten() {
        report.push_method(method)?;
    }
    let prefixes = frozen.map(|frozen| format!("{} ", frozen.name));
    for prefix in std::iter::once(String::new()).chain(prefixes) {
        for name in [str::to_owned as fn(&str) -> String, random_name] {
            for pair in PAIRS {
                let [first, second] = [pair.0, pair.1].map(|m| name(&format!("{prefix}{m}")));
                if report.method(&first).is_some() && report.method(&second).is_some() {
                    report.compare(&first, &second)?;
                }
            }
        }
    }
    Ok(CompareOutcome {
        report,
        approaches: all,
        replaced,
    })
}

/// Every approach with one kind of input, and what to say of results that were not used.
fn round<V: Views>(
    comparison: &Comparison<'_>,
    ground: &Ground,
    views: &V,
    prefix: &str,
    folder: &Path,
    told: &mut Progress<'_>,
    device: &Device,
) -> Result<(Vec<ApproachOutcome>, Vec<String>), WorldError> {
    let mut replaced = Vec::new();
    make_folder(folder)?;
    let config = serde_json::to_string(&comparison.config).map_err(WorldError::Settings)?;
    let key = format!("{config} {}", views.source());
    let mut outcomes = Vec::new();
    for &approach in &comparison.approaches {
        let path = folder.join(format!("{approach}.json"));
        let found = ApproachOutcome::read(&path, &key).map_err(|other| replaced.extend(other));
        let outcome = if let Ok(outcome) = found {
            outcome
        } else {
            let arena = Arena {
                ground,
                views,
                config: &comparison.config,
                approach,
                prefix,
                key: key.clone(),
                folder,
                progress: comparison.progress,
                interrupt: comparison.interrupt.clone(),
                conventions: Conventions::default(),
                device: device.clone(),
            };
            let outcome = arena.run()?;
            outcome.write(&path)?;
            outcome
        };
        told(&outcome);
        outcomes.push(outcome);
    }
    Ok((outcomes, replaced))
}

impl<V: Views> Arena<'_, V> {
    fn run(&self) -> Result<ApproachOutcome, WorldError> {
        match self.approach {
            Approach::Cells => self.cells(),
            Approach::FineCells => self.fine_cells(),
            Approach::SmoothedCells => self.smoothed_cells(),
            Approach::Cosine => self.cosine(),
            Approach::Cities => self.cities(),
            Approach::ScaledRegression => self.scaled_regression(),
            Approach::SigmoidRegression => self.sigmoid_regression(),
            Approach::UnitRegression => self.unit_regression(),
            Approach::Hierarchical => self.hierarchical(),
            Approach::Combinatorial => self.combinatorial(),
            Approach::CellOffset => self.cell_offset(),
            Approach::Mixture => self.mixture(),
            Approach::Flow => self.flow(),
            Approach::SceneExperts => self.scene_experts(),
            Approach::PlaceContrast => self.place_contrast(),
        }
    }
}

fn make_folder(folder: &Path) -> Result<(), WorldError> {
    std::fs::create_dir_all(folder).map_err(|source| WorldError::File {
        path: folder.to_owned(),
        source,
    })
}

/// The best constant, and the best cell of two partitions.
fn baselines(
    ground: &Ground,
    set: Set,
    named: fn(&str) -> String,
    conventions: &Conventions,
) -> Result<Vec<MethodReport>, WorldError> {
    let constant = CellLocation::GeometricMedian.of(&ground.places);
    let best = |cells: &Partition, truth| cells.nearest(truth).and_then(|c| cells.location(c));
    let judged = |name: &str, role, about: &str, answer: &dyn Fn(LatLng) -> Option<LatLng>| {
        let queries = ground.set(set).iter().enumerate();
        let predictions = queries
            .map(|(i, &truth)| {
                let id = prediction_id(set, i);
                ground.tagged(Prediction::new(id, truth, answer(truth)))
            })
            .collect();
        let method =
            MethodReport::evaluate(named(name), role, predictions, &RADII_KM, conventions)?;
        let method = method.with_description(about);
        Ok::<_, WorldError>(method.with_classes(tags::CITY, tags::ANSWER, conventions)?)
    };
    Ok(vec![
        judged(
            "constant",
            Role::Baseline,
            "The geometric median of the training places for every tile.",
            &|_| constant,
        )?,
        judged(
            "best of the cells",
            Role::Ceiling,
            "The nearest cell: no choice of a cell can be better.",
            &|truth| best(&ground.cells, truth),
        )?,
        judged(
            "best of the fine cells",
            Role::Ceiling,
            "The same among the fine cells.",
            &|truth| best(&ground.fine, truth),
        )?,
    ])
}

/// The method with what it cost.
fn with_costs(approach: &ApproachOutcome, method: &MethodOutcome) -> MethodReport {
    let seen = method.seen.clone();
    seen.with_extra("parameters", approach.parameters as f64)
        .with_extra("training, s", approach.train_seconds)
        .with_extra("ms a tile", method.ms_per_image)
}

const SUMMARY: &str = "Every approach trained on the same tiles of shaded relief, with the same \
    encoder, from scratch unless a name says whose frozen features it reads, and the same number of \
    steps; asked for tiles held out between the training tiles, which keep a distance from them; then, as \
    (random split), for tiles at places drawn as those of training are, which do not; then, as \
    (unseen), for tiles of longitudes without training. Figures on this benchmark compare methods; they say nothing about \
    photos taken on the ground.";

fn describe(report: &mut Report, config: &CompareConfig, ground: &Ground) {
    report.set("steps", config.steps);
    report.set("tiles_per_step", config.batch);
    report.set("learning_rate", config.learning_rate);
    report.set("tile_pixels", config.pixels);
    report.set("tile_km", ground.task.side_km());
    report.set("channels", format!("{:?}", config.channels));
    report.set("seed", config.seed);
    report.set("cells", ground.cells.len());
    report.set("fine_cells", ground.fine.len());
    report.set("cities", ground.cities.len());
    report.set("geoclass_fine_cells", ground.sets.fine().len());
    report.set("gallery_tiles", ground.set(Set::Gallery).len());
    report.set("seen_spacing_km", config.seen_spacing_km);
}
