//! The whole run: train, fuse, evaluate, report, pack.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;

use super::evaluation::{Evaluation, Findings};
use super::judgement::Contest;
use super::training::train_classifier;
use super::{
    FusionChoice, FusionTrial, Ground, HybridConfig, HybridRun, SliceRecall, WorldQueries,
    pictures, train_hybrid,
};
use crate::core::Locator;
use crate::datasets::View;
use crate::evaluate::RADII_KM;
use crate::metrics::{Conventions, Curve, Gallery, Report};
use crate::trainer::{History, ProgressMode, Trainer, TrainerConfig};
use crate::world::{WorldError, WorldTask};

/// Names of the methods in the report.
pub mod methods {
    /// The prototype nearest to the photo; the answer is the centre of its parent cell.
    pub const PROTOTYPES: &str = "prototypes only";
    /// The cell whose aerial code is nearest.
    pub const AERIAL: &str = "aerial only";
    /// Both, with weight 1 each.
    pub const UNCALIBRATED: &str = "fused, not calibrated";
    /// Both, with the κ found on validation.
    pub const FUSED: &str = "fused";
    /// The score-weighted mean of the best cells.
    pub const REFINED: &str = "fused, refined";
    /// The most similar ground photo near that mean.
    pub const SNAPPED: &str = "fused, snapped to a photo";
    /// The most similar ground photo of all.
    pub const IMAGES: &str = "image retrieval";
    /// What the model file searches.
    pub const SHIPPED: &str = "fused parents, in the model file";
    /// A softmax over the parent cells.
    pub const CLASSIFIER: &str = "cell classifier";
    /// Unseen queries among their own aerial tiles.
    pub const GALLERY: &str = "aerial, tiles of the unseen queries";
    /// The same with prototypes fused in.
    pub const GALLERY_FUSED: &str = "fused, tiles of the unseen queries";
    /// The same by prototypes alone.
    pub const GALLERY_PROTOTYPES: &str = "prototypes, tiles of the unseen queries";

    /// Unseen queries among their own aerial tiles, each seen in one way only.
    pub const GALLERY_ONE_WAY: &str = "aerial seen one way, tiles of the unseen queries";

    /// One sentence on a method.
    pub(in crate::world) fn describe(name: &str) -> &'static str {
        match name {
            PROTOTYPES => "Nearest prototype of a parent cell; the answer is its centre.",
            AERIAL => "Nearest aerial code among all fine cells of land.",
            UNCALIBRATED => "Aerial code plus prototype of the parent cell.",
            FUSED => "Aerial code plus κ times the prototype, κ from validation queries.",
            REFINED => {
                "Score-weighted mean of those of the ten best fused cells that lie together."
            }
            SNAPPED => "The most similar ground photo within a cell width of the refined place.",
            IMAGES => "The most similar ground photo of all, by the query branch.",
            SHIPPED => "Aerial code of the parent cell plus κ times its prototype; its centre.",
            CLASSIFIER => "Softmax over the parent cells, same encoder, photos and batch.",
            GALLERY => {
                "Unseen queries among the aerial tiles of all unseen queries, mean similarity over \
                 eight turns and mirror images."
            }
            GALLERY_ONE_WAY => "The same with the tiles as they are.",
            GALLERY_FUSED => "The same with the prototypes fused in: none lies there.",
            GALLERY_PROTOTYPES => "The same by prototypes alone: all cells are level.",
            _ => "",
        }
    }
}

/// What a run leaves behind.
#[derive(Debug)]
pub struct HybridOutcome {
    /// The report; it holds no durations.
    pub report: Report,
    /// Pictures: who wins where, the prototypes, easy and hard queries.
    pub galleries: Vec<Gallery>,
    /// Recall at one cell width: covered, uncovered, unseen (the last in the default gallery).
    pub slices: [SliceRecall; 3],
    /// Recall of the gallery of the model file within the width of one of its cells: covered,
    /// uncovered, unseen.
    pub shipped: [f64; 3],
    /// How the parts were joined.
    pub fusion: FusionTrial,
    /// All ways that were tried.
    pub trials: Vec<FusionTrial>,
    /// Milliseconds of search a query, by method.
    pub ms_per_query: Vec<(&'static str, f64)>,
    /// Rows that each method searches.
    pub rows: Vec<(&'static str, usize)>,
    /// Paired comparisons.
    pub contests: Vec<Contest>,
    /// What would be chosen on the covered and uncovered test queries, for judging the validation.
    pub best_on_test: FusionTrial,
    /// The trained model.
    pub run: HybridRun,
    /// The database.
    pub choice: FusionChoice,
}

/// Trains, fuses and evaluates. With a `folder`, checkpoints go there and a run that was cut off goes
/// on. Once `interrupt` is true, a training ends after the current step with a checkpoint and
/// [`TrainError::Interrupted`](crate::trainer::TrainError::Interrupted).
///
/// # Errors
///
/// [`WorldError`].
pub fn hybrid(
    config: &HybridConfig,
    progress: ProgressMode,
    folder: Option<&Path>,
    interrupt: Option<&Arc<AtomicBool>>,
    device: &Device,
) -> Result<HybridOutcome, WorldError> {
    let task = WorldTask::new(config.model.pixels)?;
    let ground = Ground::new(&task, config.levels, config.ground, config.seed)?;
    let ground = Arc::new(ground);
    // What training depends on beside the trainer's settings.
    let trained = format!(
        "{:?} {:?} {:?} {}",
        config.levels, config.ground, config.model, config.seed
    );
    let trainer = |name: &str, settings: TrainerConfig| {
        let mut trainer = Trainer::new(settings).named(name).with_progress(progress);
        if let Some(flag) = interrupt {
            trainer = trainer.with_interrupt(flag.clone());
        }
        match folder {
            Some(folder) => trainer.with_checkpoint_in(folder, name, &trained),
            None => trainer,
        }
    };
    let settings = TrainerConfig {
        seed: config.seed,
        ..config.trainer.clone()
    };
    let first = trainer("hybrid", settings.clone());
    let run = train_hybrid(&task, &ground, config, &first, device)?;
    let classifier = if config.classifier_steps > 0 {
        let settings = TrainerConfig {
            steps: config.classifier_steps,
            learning_rate: 2e-3,
            ..settings
        };
        let trainer = trainer("classifier", settings);
        Some(train_classifier(&task, &ground, config, &trainer, device)?)
    } else {
        None
    };
    evaluate(config, run, classifier.as_ref())
}

fn evaluate(
    config: &HybridConfig,
    run: HybridRun,
    classifier: Option<&(impl Locator, History)>,
) -> Result<HybridOutcome, WorldError> {
    let cells = run.ground.cells();
    let mut report = Report::new("Prototypes, aerial tiles, and both", Conventions::default());
    report.summary = SUMMARY.into();
    describe(&mut report, config, &run);
    report.curves.push(curve("hybrid", &run.history));
    if let Some((_, history)) = classifier {
        report.curves.push(curve("classifier", history));
    }
    let prototypes = run.prototypes()?;
    let aerial = run.embed(View::Aerial, &cells.centers())?;
    // Test queries are stream 0.
    let half = config.validation / 2;
    let validation = WorldQueries::new(&run, [half, config.validation - half, 0], 1)?;
    let queries = WorldQueries::new(&run, [config.queries; 3], 0)?;
    let choose = |queries| super::fusion::choose(&run, config, &prototypes, &aerial, queries);
    let choice = choose(&validation)?;
    let best_on_test = choose(&queries)?.best;
    let evaluation = Evaluation {
        run: &run,
        config,
        prototypes: &prototypes,
        aerial: &aerial,
        fusion: &choice,
        queries: &queries,
    };
    let locator = classifier.map(|(l, _)| l as &dyn Locator);
    let Findings {
        ms_per_query,
        rows,
        contests,
        fused,
    } = evaluation.evaluate(locator, &mut report)?;
    let slices = evaluation.recalls(&report)?;
    let shipped = evaluation.shipped_recalls(&report)?;
    note(&mut report, &choice, &contests);
    let galleries = pictures::all(&run, &prototypes, &queries, &fused, &report)?;
    Ok(HybridOutcome {
        slices,
        shipped,
        fusion: choice.best,
        trials: choice.trials.clone(),
        ms_per_query,
        rows,
        contests,
        best_on_test,
        report,
        galleries,
        run,
        choice,
    })
}

const SUMMARY: &str = "Tiles of shaded relief play ground photos, Blue Marble plays the aerial \
    imagery. Prototypes are trained where there are photos; every cell of land has an aerial code. \
    The figures compare methods on this benchmark; they say nothing about photos taken on the \
    ground. In covered cells the queries show places of which the photos show other cut-outs, at \
    least 10 km away.";

fn describe(report: &mut Report, config: &HybridConfig, run: &HybridRun) {
    let cells = run.ground.cells();
    report.set("seed", config.seed);
    report.set("fine_level", config.levels.fine.get());
    report.set("parent_level", config.levels.parent.get());
    report.set("cell_width_km", format!("{:.1}", cells.cell_width_km()));
    report.set("rows", cells.rows().len());
    report.set("prototypes", run.ground.covered().len());
    report.set("ground_photos", run.ground.photos().len());
    report.set("covered_share", config.ground.covered);
    report.set("tile_pixels", config.model.pixels);
    report.set("channels", format!("{:?}", config.model.channels));
    report.set("dim", config.model.dim);
    report.set("steps", config.trainer.steps);
    report.set(
        "photos_per_step",
        config.model.natural + config.model.changed,
    );
    report.set(
        "radii",
        format!("1, 2 and 5 cell widths, and {RADII_KM:?} km"),
    );
}

/// How the parts were joined, and what came of it, in words.
fn note(report: &mut Report, choice: &FusionChoice, contests: &[Contest]) {
    let best = &choice.best;
    report.notes.push(format!(
        "κ = {:.3}, prototypes {}, n0 = {}, bias of cells without photos {}: recall {:.1} % on the \
         validation queries.",
        best.best.kappa,
        if best.interpolated {
            "interpolated"
        } else {
            "of the parent"
        },
        best.n0,
        best.bias,
        100.0 * best.best.recall,
    ));
    for contest in contests {
        let interval = contest.difference.interval.map_or(String::new(), |i| {
            let percent = |high: f64| format!("{:+.1}", 100.0 * high);
            let high = i.high.map_or_else(|| "unbounded".to_owned(), percent);
            format!(" [{:+.1}, {high}]", 100.0 * i.low)
        });
        report.notes.push(format!(
            "Cells {}, {} cell width{}: {} less {}: {:+.1} points{interval}, exact McNemar p = {:.2e}.",
            contest.slice.name(),
            contest.widths,
            if contest.widths == 1 { "" } else { "s" },
            contest.first,
            contest.second,
            100.0 * contest.difference.value,
            contest.test.p_value,
        ));
    }
}

fn curve(name: &str, history: &History) -> Curve {
    let train = history.train.iter().map(|p| (p.step, Some(p.loss), None));
    Curve::new(name, train)
}
