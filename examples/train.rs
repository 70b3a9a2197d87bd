//! Trains a model on photos of your own by a recipe file, with no code.
//!
//! ```text
//! cargo run --release --example train -- --data photos.csv --recipe recipes/laptop.toml --out target/geoloc/train
//! cargo run --release --example train -- --data photos/ --recipe recipes/comparison_cities.toml --out cities
//! cargo run --release --example locate -- --model target/geoloc/train/model.bpk photo.jpg
//! ```
//!
//! The CSV lists path, latitude and longitude, and if there are any, class and group: photos of one
//! group (a day, a sequence, a user) stay in one part of the split. A folder holds one folder for
//! each class, whose photos have their place in their EXIF data or in `classes.csv` there (name,
//! latitude, longitude). Bad rows and files are named and left out; the exit status is then 3. Ctrl-C ends
//! it with a checkpoint, and the same command resumes it. The folder records what the training was begun
//! with, recipe and photos: with anything else it is refused.

#[macro_use]
#[path = "support/macros.rs"]
mod macros;
#[path = "support/interrupt.rs"]
mod interrupt;
#[path = "support/program.rs"]
mod program;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use geoloc::job::path_text;
use geoloc::metrics::MethodReport;
use geoloc::photos::read_photos;
use geoloc::recipe::{Length, Recipe, TrainOptions, TrainOutcome, train};
use geoloc::trainer::ProgressMode;

use program::{EXIT_STATUS, Ending, Failure, LeftOut};

/// Trains by a recipe.
#[derive(Parser)]
#[command(after_help = EXIT_STATUS)]
struct Options {
    /// List of photos (CSV), or a folder with one folder for each class.
    #[arg(long)]
    data: PathBuf,
    /// Recipe (TOML).
    #[arg(long)]
    recipe: PathBuf,
    /// Folder of the results.
    #[arg(long, default_value = "target/geoloc/train")]
    out: PathBuf,
    /// Optimiser steps, in place of the recipe's.
    #[arg(long)]
    steps: Option<u64>,
    /// Epochs, in place of the recipe's.
    #[arg(long, conflicts_with = "steps")]
    epochs: Option<f64>,
    /// Weights of the encoder, in place of the recipe's.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Column of the class, in place of the recipe's.
    #[arg(long)]
    class: Option<String>,
    /// Column of the group, in place of the recipe's.
    #[arg(long)]
    group: Option<String>,
    /// Seed, in place of the recipe's.
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> ExitCode {
    program::program(|| run(&Options::parse()))
}

fn run(options: &Options) -> Result<Ending, Failure> {
    let started = Instant::now();
    let mut recipe = Recipe::read(&options.recipe)?;
    if let Some(weights) = &options.weights {
        recipe.encoder.weights = Some(weights.clone());
    }
    if let Some(class) = &options.class {
        recipe.data.class.clone_from(class);
    }
    if let Some(group) = &options.group {
        recipe.data.group.clone_from(group);
    }
    recipe.training.seed = options.seed.unwrap_or(recipe.training.seed);
    let photos = read_photos(&options.data, &recipe.data, ProgressMode::Auto)?;
    let mut left_out = LeftOut::default();
    left_out.add_all(&photos.skipped);
    for remark in &photos.remarks {
        errln!("{remark}");
    }
    let count = photos.photos.len();
    let steps = options.steps.map(Length::Steps);
    let outcome = train(
        &recipe,
        photos,
        &TrainOptions {
            length: steps.or(options.epochs.map(Length::Epochs)),
            interrupt: Some(interrupt::on_ctrl_c()?),
            ..TrainOptions::to(&options.out)
        },
    )?;
    print(&recipe, &outcome);
    let method = outcome.report.methods.first();
    outln!(
        "\n{}",
        serde_json::json!({
            "photos": count,
            "left_out": left_out.count,
            "reasons": left_out.reasons,
            "judged": method.map(|m| m.distance.n),
            "median_km": method.and_then(median),
            "accuracy": method.and_then(|m| m.extra.get("accuracy")),
            "steps": outcome.steps,
            "model": path_text(&outcome.model),
            "seconds": (started.elapsed().as_secs_f64() * 10.0).round() / 10.0,
        })
    );
    Ok(left_out.ending(count))
}

fn print(recipe: &Recipe, outcome: &TrainOutcome) {
    let report = &outcome.report;
    let settings = [
        "training_photos",
        "validation_photos",
        "test_photos",
        "classes",
        "steps",
        "temperature",
        "validation_calibration_error_before",
        "validation_calibration_error_after",
    ];
    let known = |key: &&str| Some(format!("{key} {}", report.settings.get(*key)?));
    let settings: Vec<String> = settings.iter().filter_map(known).collect();
    outln!("{}\n{}", recipe.title, settings.join(", "));
    for note in report.notes.iter().filter(|n| **n != recipe.source) {
        outln!("note: {note}");
    }
    out!(
        "\n{:<18} {:>6} {:>11} {:>9}",
        "method",
        "N",
        "median km",
        "GeoScore"
    );
    for km in &recipe.evaluation.radii_km {
        out!(" {:>10}", format!("<={km} km"));
    }
    outln!();
    for method in &report.methods {
        let median = median(method).map_or("-".into(), |m| format!("{m:.3}"));
        let (n, score) = (method.distance.n, method.distance.geo_score.value);
        out!("{:<18} {n:>6} {median:>11} {score:>9.0}", method.name);
        for &km in &recipe.evaluation.radii_km {
            let share = method.distance.share_within(km).unwrap_or(0.0);
            out!(" {:>9.1}%", 100.0 * share);
        }
        outln!();
        for (name, value) in &method.extra {
            outln!("  {name} {value:.3}");
        }
    }
    outln!(
        "\nreport: {}\nmodel:  {}",
        outcome.page.display(),
        outcome.model.display()
    );
}

fn median(method: &MethodReport) -> Option<f64> {
    Some(method.distance.median_km.as_ref()?.value)
}
