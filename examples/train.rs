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
//! latitude, longitude). Bad rows and files are named and left out. Ctrl-C ends it with a checkpoint;
//! the same command again goes on where the last one was cut off.

#![allow(clippy::print_stdout, reason = "examples talk to people")]

#[path = "support/interrupt.rs"]
mod interrupt;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use geoloc::metrics::MethodReport;
use geoloc::photos::read_photos;
use geoloc::recipe::{Length, Recipe, TrainOptions, TrainOutcome, train};
use geoloc::trainer::ProgressMode;

/// Lines about rows that were left out.
const SHOWN: usize = 20;

/// Trains by a recipe.
#[derive(Parser)]
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
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
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
    for line in photos.skipped.iter().take(SHOWN) {
        eprintln!("left out: {line}");
    }
    if photos.skipped.len() > SHOWN {
        eprintln!("and {} more", photos.skipped.len() - SHOWN);
    }
    let (count, skipped) = (photos.photos.len(), photos.skipped.len());
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
    println!(
        "\n{}",
        serde_json::json!({
            "photos": count,
            "left_out": skipped,
            "judged": method.map(|m| m.distance.n),
            "median_km": method.and_then(median),
            "accuracy": method.and_then(|m| m.extra.get("accuracy")),
            "steps": outcome.steps,
            "model": outcome.model,
            "seconds": (started.elapsed().as_secs_f64() * 10.0).round() / 10.0,
        })
    );
    Ok(())
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
    println!("{}\n{}", recipe.title, settings.join(", "));
    for note in report.notes.iter().filter(|n| **n != recipe.source) {
        println!("note: {note}");
    }
    print!(
        "\n{:<18} {:>6} {:>11} {:>9}",
        "method", "N", "median km", "GeoScore"
    );
    for km in &recipe.evaluation.radii_km {
        print!(" {:>10}", format!("<={km} km"));
    }
    println!();
    for method in &report.methods {
        let median = median(method).map_or("-".into(), |m| format!("{m:.3}"));
        let (n, score) = (method.distance.n, method.distance.geo_score.value);
        print!("{:<18} {n:>6} {median:>11} {score:>9.0}", method.name);
        for &km in &recipe.evaluation.radii_km {
            let share = method.distance.share_within(km).unwrap_or(0.0);
            print!(" {:>9.1}%", 100.0 * share);
        }
        println!();
        for (name, value) in &method.extra {
            println!("  {name} {value:.3}");
        }
    }
    println!(
        "\nreport: {}\nmodel:  {}",
        outcome.page.display(),
        outcome.model.display()
    );
}

fn median(method: &MethodReport) -> Option<f64> {
    Some(method.distance.median_km.as_ref()?.value)
}
