//! Prototypes and aerial tiles fused into cell codes (Lindenberger et al. 2025), on views of the
//! Earth: trains, finds the weight of the prototypes, evaluates every part, writes a report and a
//! model file. Ctrl-C ends it with a checkpoint, and the same command resumes it.
//!
//! ```text
//! cargo run --release --example hybrid              # some minutes on two cores
//! cargo run --release --example hybrid -- --long    # about half an hour
//! ```

#[macro_use]
#[path = "support/macros.rs"]
mod macros;
#[path = "support/interrupt.rs"]
mod interrupt;
#[path = "support/program.rs"]
mod program;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use geoloc::artifact::Artifact;
use geoloc::burn::tensor::Device;
use geoloc::metrics::{HtmlReport, Report};
use geoloc::output::OutputFiles;
use geoloc::trainer::ProgressMode;
use geoloc::world::hybrid::{
    HybridBranches, HybridConfig, HybridOutcome, Slice, calibrate_hybrid_domain, hybrid,
    hybrid_artifact, methods,
};

use program::{EXIT_STATUS, Ending, Failure, at};

/// Trains and evaluates the hybrid of prototypes and aerial tiles.
#[derive(Parser)]
#[command(after_help = EXIT_STATUS)]
struct Options {
    /// More steps and more photos.
    #[arg(long)]
    long: bool,
    /// Training steps.
    #[arg(long)]
    steps: Option<u64>,
    /// Training steps of the cell classifier that is compared with; 0 leaves it out.
    #[arg(long)]
    classifier_steps: Option<u64>,
    /// Held-out tiles of each kind.
    #[arg(long)]
    queries: Option<usize>,
    /// The published multi-similarity loss on every edge instead of `InfoNCE`.
    #[arg(long)]
    multi_similarity: bool,
    /// A configuration as JSON, in place of the built-in ones.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Only judges this model file on the default gallery: unseen relief tiles among the aerial
    /// tiles of the same places.
    #[arg(long)]
    evaluate: Option<PathBuf>,
    /// Only adds to this model file, or replaces in it, the statistics of the pictures that it is made
    /// for; weights and gallery stay as they are.
    #[arg(long, conflicts_with = "evaluate")]
    calibrate_domain: Option<PathBuf>,
    /// Seed of everything random.
    #[arg(long)]
    seed: Option<u64>,
    /// Folder of checkpoints and results.
    #[arg(long, default_value = "target/geoloc/hybrid")]
    out: PathBuf,
}

fn main() -> ExitCode {
    program::program(|| run(&Options::parse()))
}

fn run(options: &Options) -> Result<Ending, Failure> {
    let started = Instant::now();
    let config = config(options)?;
    if let Some(path) = &options.evaluate {
        return evaluate(path, &config);
    }
    if let Some(path) = &options.calibrate_domain {
        let mut artifact = Artifact::open(path)?;
        calibrate_hybrid_domain(&mut artifact, &Device::default())?;
        artifact.save(path)?;
        outln!("{}", path.display());
        return Ok(Ending::Whole);
    }
    let outcome = hybrid(
        &config,
        ProgressMode::Auto,
        Some(&options.out),
        Some(&interrupt::on_ctrl_c()?),
        &Device::default(),
    )?;
    outcome.report.verify()?;
    print_table(&outcome);
    print_fusion(&outcome);

    // Settings, model and reports of an earlier run are replaced together.
    let (model, page) = (
        options.out.join("model.bpk"),
        options.out.join("report.html"),
    );
    let mut files = OutputFiles::default();
    files.write(options.out.join("config.json"), |to| {
        writeln!(to, "{}", serde_json::to_string_pretty(&config)?)
    })?;
    files.stage(options.out.join("report.json"), |path| {
        Ok::<_, Failure>(outcome.report.write_json(path)?)
    })?;
    let html = outcome
        .galleries
        .iter()
        .cloned()
        .fold(HtmlReport::new(&outcome.report), HtmlReport::with_gallery);
    files.stage(&page, |path| Ok::<_, Failure>(html.write(path)?))?;
    files.stage(&model, |path| {
        let mut artifact = hybrid_artifact(&outcome)?;
        calibrate_hybrid_domain(&mut artifact, &Device::default())?;
        Ok::<_, Failure>(artifact.save(path)?)
    })?;
    files.commit()?;
    outln!("\nreport: {}\nmodel:  {}", page.display(), model.display());
    outln!("\n{}", headline(&outcome, started.elapsed().as_secs_f64()));
    Ok(Ending::Whole)
}

/// Recall of a model file on the default gallery.
fn evaluate(path: &Path, config: &HybridConfig) -> Result<Ending, Failure> {
    let branches = HybridBranches::load(&Artifact::open(path)?, &Device::default())?;
    let mut line = serde_json::json!({ "queries": config.queries });
    for (k, share) in branches.default_gallery(config.queries, config.seed)? {
        if let Some(interval) = share.interval {
            outln!(
                "R@{k} {:.1}% [{:.1}, {:.1}]",
                100.0 * share.value,
                100.0 * interval.low,
                100.0 * interval.high.unwrap_or(f64::NAN)
            );
        }
        line[format!("aerial_r{k}")] = share.value.into();
    }
    outln!("{line}");
    Ok(Ending::Whole)
}

fn config(options: &Options) -> Result<HybridConfig, Failure> {
    let mut config = match &options.config {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(at(path))?;
            serde_json::from_str(&text).map_err(at(path))?
        }
        None if options.long => HybridConfig::long()?,
        None => HybridConfig::short()?,
    };
    config.trainer.steps = options.steps.unwrap_or(config.trainer.steps);
    config.classifier_steps = options.classifier_steps.unwrap_or(config.classifier_steps);
    config.queries = options.queries.unwrap_or(config.queries);
    config.seed = options.seed.unwrap_or(config.seed);
    config.model.multi_similarity |= options.multi_similarity;
    Ok(config)
}

fn print_table(outcome: &HybridOutcome) {
    outln!(
        "\n{:<40} {:>7} {:>6} {:>9} | share within one cell width, and median km",
        "method",
        "rows",
        "MB",
        "ms/query"
    );
    let report = &outcome.report;
    for method in &report.methods {
        let find =
            |all: &[(&'static str, f64)]| all.iter().find(|m| m.0 == method.name).map(|m| m.1);
        let rows = method
            .extra
            .get("rows")
            .map_or("-".into(), |r| format!("{r:.0}"));
        let ms = find(&outcome.ms_per_query).map_or("-".into(), |ms| format!("{ms:.2}"));
        let size = method.extra.get("int8_megabytes");
        let size = size.map_or("-".into(), |mb| format!("{mb:.1}"));
        out!("{:<40} {rows:>7} {size:>6} {ms:>9} |", method.name);
        match method.slices.iter().find(|s| s.tag == "cells") {
            Some(slices) => {
                for slice in Slice::ALL {
                    let Some(found) = slices.get(slice.name()) else {
                        continue;
                    };
                    out!(
                        "  {} {:>5.1}% {:>6.0}",
                        slice.name(),
                        100.0 * within_cell(report, found),
                        found.median_km.map_or(f64::NAN, |m| m.value)
                    );
                }
            }
            None => {
                for recall in method.retrieval.iter().flat_map(|r| &r.recall) {
                    out!("  R@{} {:>5.1}%", recall.k, 100.0 * recall.share.value);
                }
            }
        }
        outln!();
    }
    for note in &report.notes {
        outln!("{note}");
    }
}

/// The share within one cell width.
fn within_cell(report: &Report, found: &geoloc::metrics::DistanceSummary) -> f64 {
    let width = report
        .settings
        .get("cell_width_km")
        .and_then(|w| w.parse::<f64>().ok());
    let nearest = found.radii_km().into_iter().min_by(|a, b| {
        let off = |r: &f64| (r - width.unwrap_or(0.0)).abs();
        off(a).total_cmp(&off(b))
    });
    nearest
        .and_then(|r| found.share_within(r))
        .unwrap_or(f64::NAN)
}

fn print_fusion(outcome: &HybridOutcome) {
    outln!("\nways of joining the parts, on validation queries:");
    for trial in &outcome.trials {
        let best = trial.best;
        outln!(
            "  interpolated {:<5}  n0 {:>4}  bias {:>5.2}  κ {:>6.3}  recall {:>5.1}% (covered {:>5.1}%, uncovered \
             {:>5.1}%)  MRR {:.3}",
            trial.interpolated,
            trial.n0,
            trial.bias,
            best.kappa,
            100.0 * best.recall,
            100.0 * trial.recalls[0],
            100.0 * trial.recalls[1],
            best.reciprocal_rank
        );
    }
    let best = outcome.best_on_test.best;
    outln!(
        "chosen on the test queries, κ would be {:.3}: recall {:.1}% there against {:.1}% with the \
         choice of validation",
        best.kappa,
        100.0 * best.recall,
        100.0 * at_chosen(outcome)
    );
}

/// Recall on covered and uncovered test queries with the κ of validation.
fn at_chosen(outcome: &HybridOutcome) -> f64 {
    let [covered, uncovered, _] = outcome.slices;
    let n = covered.queries + uncovered.queries;
    let hits =
        covered.fused_r1 * covered.queries as f64 + uncovered.fused_r1 * uncovered.queries as f64;
    hits / n.max(1) as f64
}

/// The figures of the run as one line of JSON.
fn headline(outcome: &HybridOutcome, seconds: f64) -> serde_json::Value {
    let [covered, uncovered, unseen] = outcome.slices;
    let rows = |name: &str| outcome.rows.iter().find(|r| r.0 == name).map(|r| r.1);
    serde_json::json!({
        "covered": covered,
        "uncovered": uncovered,
        "unseen": unseen,
        "kappa": outcome.fusion.best.kappa,
        "kappa_recall": at_chosen(outcome),
        "best_recall_on_test": outcome.best_on_test.best.recall,
        "rows": rows(methods::FUSED),
        "photo_rows": rows(methods::IMAGES),
        "seconds": (seconds * 10.0).round() / 10.0,
    })
}
