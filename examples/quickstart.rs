//! Trains a cell classifier and a two-branch retrieval model on views of the Earth, evaluates both
//! on held-out places, writes a report and a model file, and locates image files with that file.
//!
//! ```text
//! cargo run --release --example quickstart
//! cargo run --release --example quickstart -- --steps 800    # longer, better
//! ```

#[macro_use]
#[path = "support/macros.rs"]
mod macros;
#[path = "support/program.rs"]
mod program;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use geoloc::artifact::Artifact;
use geoloc::burn::tensor::Device;
use geoloc::datasets::{View, decode_photo};
use geoloc::geo_cells::haversine_km;
use geoloc::images::encode_png;
use geoloc::locate::load_any;
use geoloc::metrics::{HtmlReport, MethodReport, Report};
use geoloc::output::{OutputFiles, write_whole};
use geoloc::trainer::ProgressMode;
use geoloc::world::quickstart::{QuickstartConfig, QuickstartOutcome, methods, quickstart};

use program::{EXIT_STATUS, Ending, Failure};

/// Trains, evaluates and reports on the shipped imagery of the Earth.
#[derive(Parser)]
#[command(after_help = EXIT_STATUS)]
struct Options {
    /// Training steps of the two-branch model.
    #[arg(long, default_value_t = QuickstartConfig::default().steps)]
    steps: u64,
    /// Training steps of the cell classifier.
    #[arg(long, default_value_t = QuickstartConfig::default().cell_steps)]
    cell_steps: u64,
    /// Held-out tiles of each area.
    #[arg(long, default_value_t = QuickstartConfig::default().queries)]
    queries: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder of the results.
    #[arg(long, default_value = "target/geoloc/quickstart")]
    out: PathBuf,
}

fn main() -> ExitCode {
    program::program(|| run(&Options::parse()))
}

fn run(options: &Options) -> Result<Ending, Failure> {
    let started = Instant::now();
    let device = Device::default();
    let config = QuickstartConfig {
        steps: options.steps,
        cell_steps: options.cell_steps,
        queries: options.queries,
        seed: options.seed,
        ..QuickstartConfig::default()
    };
    let outcome = quickstart(&config, ProgressMode::Auto, None, &device)?;
    let report = &outcome.report;
    report.verify()?;
    print_table(report);

    // Settings, model and reports of an earlier run are replaced together.
    let (model, page) = (
        options.out.join("model.bpk"),
        options.out.join("report.html"),
    );
    let mut files = OutputFiles::default();
    files.write(options.out.join("config.json"), |to| {
        writeln!(to, "{}", serde_json::to_string_pretty(&config)?)
    })?;
    files.stage(&model, |path| {
        Ok::<_, Failure>(outcome.artifact.save(path)?)
    })?;
    files.stage(options.out.join("report.json"), |path| {
        Ok::<_, Failure>(report.write_json(path)?)
    })?;
    let html = outcome
        .galleries
        .iter()
        .cloned()
        .fold(HtmlReport::new(report), HtmlReport::with_gallery);
    files.stage(&page, |path| Ok::<_, Failure>(html.write(path)?))?;
    files.commit()?;
    outln!("\nreport: {}\nmodel:  {}", page.display(), model.display());
    locate_files(&outcome, &model, &options.out.join("queries"), &device)?;

    let seconds = started.elapsed().as_secs_f64();
    outln!("\n{}", headline(report, seconds)?);
    Ok(Ending::Whole)
}

/// Reads the model back from disk and locates held-out tiles given as image files.
fn locate_files(
    outcome: &QuickstartOutcome,
    model: &Path,
    folder: &Path,
    device: &Device,
) -> Result<(), Failure> {
    let locator = load_any(&Artifact::open(model)?, None, device)?;
    outln!("\nread back and asked for tiles it has never seen, given as files:");
    let task = outcome.task.at_pixels(256);
    let places = task.split().unseen_queries(5, 1)?;
    for query in task.photos(View::Query, &places, "unseen")? {
        let file = folder.join(format!("{}.png", query.id));
        write_whole(&file, &encode_png(&query.photo)?)?;
        let photo = decode_photo(&file)?;
        for estimate in locator.locate(&[photo]) {
            let estimate = estimate?;
            outln!(
                "{}  {:>22}  half within {:>5.0} km, true error {:>6.0} km",
                file.display(),
                estimate.location.to_string(),
                estimate.radius50_km,
                haversine_km(estimate.location, query.location)
            );
        }
    }
    Ok(())
}

fn print_table(report: &Report) {
    outln!(
        "\n{:<26} {:>6} {:>10} {:>9} {:>9} {:>9} {:>7} {:>7}",
        "method",
        "N",
        "median km",
        "<=200 km",
        "<=750 km",
        "GeoScore",
        "R@1",
        "R@10"
    );
    for method in &report.methods {
        let share = |km: f64| 100.0 * method.distance.share_within(km).unwrap_or(0.0);
        let recall = |k| recall(method, k).map_or("-".into(), |r| format!("{:.1}%", 100.0 * r));
        outln!(
            "{:<26} {:>6} {:>10.0} {:>8.1}% {:>8.1}% {:>9.0} {:>7} {:>7}",
            method.name,
            method.distance.n,
            median(method),
            share(200.0),
            share(750.0),
            method.distance.geo_score.value,
            recall(1),
            recall(10)
        );
    }
}

/// The figures of the run as one line of JSON.
fn headline(report: &Report, seconds: f64) -> Result<serde_json::Value, Failure> {
    let method = |name: &str| report.method(name).ok_or(format!("no method {name}"));
    let retrieval = method(methods::RETRIEVAL)?;
    Ok(serde_json::json!({
        "retrieval_r1": recall(retrieval, 1),
        "retrieval_r10": recall(retrieval, 10),
        "correlation_r1": recall(method(methods::CORRELATION)?, 1),
        "classifier_median_km": median(method(methods::CELLS)?),
        "constant_median_km": median(method(methods::CONSTANT)?),
        "oracle_median_km": median(method(methods::ORACLE)?),
        "queries": retrieval.distance.n,
        "seconds": (seconds * 10.0).round() / 10.0,
    }))
}

fn median(method: &MethodReport) -> f64 {
    method.distance.median_km.map_or(f64::NAN, |m| m.value)
}

fn recall(method: &MethodReport, k: usize) -> Option<f64> {
    let summary = method.retrieval.as_ref()?;
    let at = summary.recall.iter().find(|r| r.k == k)?;
    Some(at.share.value)
}
