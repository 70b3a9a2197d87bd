//! Compares the approaches of the field on views of the Earth: same tiles, same encoder, same number
//! of steps. Writes one report; approaches that are finished are not trained again. Ctrl-C ends it with
//! a checkpoint, and the same command resumes it. Results of other settings in the folder are not used:
//! they are named and computed anew.
//!
//! ```text
//! cargo run --release --example compare                                  # all, about a quarter of an hour
//! cargo run --release --example compare -- --approach cells,combinatorial --budget 1000
//! cargo run --release --example compare -- --weights tf_efficientnet_lite0.safetensors
//! ```

#[macro_use]
#[path = "support/macros.rs"]
mod macros;
#[path = "support/interrupt.rs"]
mod interrupt;
#[path = "support/program.rs"]
mod program;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use geoloc::backbones::weights::load_weights;
use geoloc::backbones::{EfficientNetLite, EfficientNetLiteConfig};
use geoloc::burn::tensor::Device;
use geoloc::core::EncoderConfig;
use geoloc::datasets::{Preprocess, Resize};
use geoloc::metrics::{HtmlReport, MethodReport};
use geoloc::output::OutputFiles;
use geoloc::trainer::ProgressMode;
use geoloc::world::compare::{
    Approach, ApproachOutcome, CompareConfig, CompareOutcome, Comparison, FrozenEncoder,
    MethodOutcome, compare,
};

use program::{EXIT_STATUS, Ending, Failure};

/// Side of the tiles that the pretrained encoder reads.
const FROZEN_PIXELS: u32 = 128;

/// Compares approaches on the shipped imagery of the Earth.
#[derive(Parser)]
#[command(after_help = EXIT_STATUS)]
struct Options {
    /// Approaches by name, with commas between; all if none is given.
    #[arg(long, value_delimiter = ',')]
    approach: Vec<Approach>,
    /// Training steps of each approach.
    #[arg(long, default_value_t = CompareConfig::default().steps)]
    budget: u64,
    /// Held-out tiles at places drawn as those of the training tiles are.
    #[arg(long, default_value_t = CompareConfig::default().random)]
    random: usize,
    /// Held-out tiles of unseen longitudes.
    #[arg(long, default_value_t = CompareConfig::default().unseen)]
    unseen: usize,
    /// Training tiles that neighbours are sought among.
    #[arg(long, default_value_t = CompareConfig::default().gallery)]
    gallery: usize,
    /// Weights of `tf_efficientnet_lite0`: every approach a second time, on its frozen features.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder of checkpoints and results.
    #[arg(long, default_value = "target/geoloc/compare")]
    out: PathBuf,
}

fn main() -> ExitCode {
    program::program(|| run(&Options::parse()))
}

fn run(options: &Options) -> Result<Ending, Failure> {
    let started = Instant::now();
    let device = Device::default();
    let frozen = options
        .weights
        .as_ref()
        .map(|path| pretrained(path, &device));
    let frozen = frozen.transpose()?;
    let comparison = Comparison {
        config: CompareConfig {
            steps: options.budget,
            random: options.random,
            unseen: options.unseen,
            gallery: options.gallery,
            seed: options.seed,
            ..CompareConfig::default()
        },
        approaches: if options.approach.is_empty() {
            Approach::ALL.to_vec()
        } else {
            options.approach.clone()
        },
        folder: &options.out,
        progress: ProgressMode::Auto,
        interrupt: Some(interrupt::on_ctrl_c()?),
    };
    print_header("seen area");
    let mut told = |approach: &ApproachOutcome| print_rows(approach, |method| &method.seen);
    let outcome = compare(&comparison, frozen.as_ref(), &mut told, &device)?;
    outln!();
    print_header("random split");
    for approach in &outcome.approaches {
        print_rows(approach, |method| &method.random);
    }
    outln!();
    outcome.report.verify()?;
    for replaced in &outcome.replaced {
        errln!("{replaced}");
    }
    // Settings and reports of an earlier run are replaced together.
    let page = options.out.join("report.html");
    let mut files = OutputFiles::default();
    files.write(options.out.join("config.json"), |to| {
        writeln!(to, "{}", serde_json::to_string_pretty(&comparison.config)?)
    })?;
    files.stage(options.out.join("report.json"), |path| {
        Ok::<_, Failure>(outcome.report.write_json(path)?)
    })?;
    files.stage(&page, |path| {
        Ok::<_, Failure>(HtmlReport::new(&outcome.report).write(path)?)
    })?;
    files.commit()?;
    print_comparisons(&outcome);
    outln!("\nreport: {}", page.display());
    outln!("\n{}", figures(&outcome, started.elapsed().as_secs_f64()));
    Ok(Ending::Whole)
}

/// EfficientNet-Lite0 without its classifier.
fn pretrained(path: &PathBuf, device: &Device) -> Result<FrozenEncoder<EfficientNetLite>, Failure> {
    let config = EfficientNetLiteConfig::lite0();
    let mut encoder = config.init(device)?;
    let weights = load_weights(&mut encoder, path, &config.timm_keys())?;
    Ok(FrozenEncoder {
        encoder,
        input: Preprocess {
            resize: Resize::Exact {
                width: FROZEN_PIXELS,
                height: FROZEN_PIXELS,
            },
            crop: None,
            ..config.preprocess()
        },
        name: "lite0".into(),
        weights: weights.sha256,
    })
}

fn print_header(area: &str) {
    outln!(
        "{:<34} {:>7} {:>7} {:>7} {:>7} {:>8} {:>8} {:>6} {:>6} {:>6} {:>8} {:>6} {:>6}",
        area,
        "<=25km",
        "<=200",
        "<=750",
        "<=2500",
        "median",
        "mean",
        "score",
        "city",
        "F1",
        "param",
        "train",
        "ms"
    );
}

fn print_rows(approach: &ApproachOutcome, area: impl Fn(&MethodOutcome) -> &MethodReport) {
    for method in &approach.methods {
        let row = Row::of(area(method));
        outln!(
            "{:<34} {:>6.1}% {:>6.1}% {:>6.1}% {:>6.1}% {:>8.0} {:>8.0} {:>6.0} {:>5.1}% {:>5.1}% {:>8} {:>5.0}s {:>6.2}",
            method.seen.name,
            row.within[0],
            row.within[1],
            row.within[2],
            row.within[3],
            row.median_km,
            row.mean_km,
            row.geo_score,
            row.accuracy,
            row.macro_f1,
            approach.parameters,
            approach.train_seconds,
            method.ms_per_image
        );
    }
}

/// The figures of a method, shares in percent.
struct Row {
    within: [f64; 4],
    median_km: f64,
    mean_km: f64,
    geo_score: f64,
    accuracy: f64,
    macro_f1: f64,
}

impl Row {
    fn of(method: &MethodReport) -> Self {
        let distance = &method.distance;
        let share = |km| 100.0 * distance.share_within(km).unwrap_or(0.0);
        let classes = method.classes.as_ref();
        Self {
            within: [25.0, 200.0, 750.0, 2500.0].map(share),
            median_km: distance.median_km.map_or(f64::NAN, |m| m.value),
            mean_km: distance.mean_km.map_or(f64::NAN, |m| m.value),
            geo_score: distance.geo_score.value,
            accuracy: 100.0 * classes.map_or(f64::NAN, |c| c.accuracy.value),
            macro_f1: 100.0 * classes.map_or(f64::NAN, |c| c.macro_f1),
        }
    }
}

/// Paired comparisons: by how much the score differs, and who alone finds a query within a radius.
fn print_comparisons(outcome: &CompareOutcome) {
    for pair in &outcome.report.comparisons {
        let difference = pair.geo_score_difference;
        let interval = difference.interval.map_or_else(String::new, |i| {
            format!(" [{:+.0}, {:+.0}]", i.low, i.high.unwrap_or(f64::NAN))
        });
        out!(
            "{} against {}: score {:+.0}{interval}",
            pair.first,
            pair.second,
            difference.value
        );
        for w in &pair.within {
            if [200.0, 750.0].contains(&w.radius_km) {
                out!(
                    "; within {} km only the first {}, only the second {}, p = {:.3}",
                    w.radius_km,
                    w.test.first,
                    w.test.second,
                    w.test.p_value
                );
            }
        }
        outln!();
    }
}

/// All figures as one line of JSON.
fn figures(outcome: &CompareOutcome, seconds: f64) -> serde_json::Value {
    let of = |method: &MethodReport| {
        let row = Row::of(method);
        let [km25, km200, km750, km2500] = row.within.map(|share| share / 100.0);
        serde_json::json!({
            "within_25_km": km25,
            "within_200_km": km200,
            "within_750_km": km750,
            "within_2500_km": km2500,
            "median_km": row.median_km,
            "mean_km": row.mean_km,
            "geo_score": row.geo_score,
            "city_accuracy": row.accuracy / 100.0,
            "city_macro_f1": row.macro_f1 / 100.0,
            "queries": method.distance.n,
        })
    };
    let mut approaches = serde_json::Map::new();
    for approach in &outcome.approaches {
        for method in &approach.methods {
            let figures = serde_json::json!({
                "seen": of(&method.seen),
                "random": of(&method.random),
                "unseen": of(&method.unseen),
                "parameters": approach.parameters,
                "train_seconds": approach.train_seconds,
                "ms_per_image": method.ms_per_image,
            });
            approaches.insert(method.seen.name.clone(), figures);
        }
    }
    serde_json::json!({
        "approaches": approaches,
        "seconds": (seconds * 10.0).round() / 10.0,
    })
}
