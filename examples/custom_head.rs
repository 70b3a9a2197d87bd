//! A head, its loss and its decoder defined outside the library: trained with the library's trainer,
//! saved to its model file, loaded again and evaluated.
//!
//! The head divides the Earth along its axes: a softmax over bands of latitude and one over bands of
//! longitude, as if the two were independent. It needs few outputs and cannot say "here or there";
//! a real project would take one of `geoloc::heads`.
//!
//! ```text
//! cargo run --release --example custom_head
//! ```

#[macro_use]
#[path = "support/macros.rs"]
mod macros;
#[path = "support/program.rs"]
mod program;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use geoloc::artifact::{Artifact, Manifest};
use geoloc::backbones::SmallCnnConfig;
use geoloc::baseline::ConstantLocator;
use geoloc::burn::module::Module;
use geoloc::burn::nn::loss::CrossEntropyLossConfig;
use geoloc::burn::nn::{Linear, LinearConfig};
use geoloc::burn::tensor::activation::softmax;
use geoloc::burn::tensor::{Device, Int, Tensor, TensorData};
use geoloc::core::{
    ConfigError, DecodeError, Decoder, FeatureSpec, Features, Head, HeadConfig, Loss, PlaceMass,
    TargetEncoder, TargetError, Training, estimate_from_masses,
};
use geoloc::datasets::{TileJitter, View};
use geoloc::evaluate::evaluate;
use geoloc::geo_cells::{Estimate, LatLng};
use geoloc::job::path_text;
use geoloc::locate::{Pipeline, build_model};
use geoloc::metrics::{Conventions, MethodReport, Role};
use geoloc::trainer::{Trainer, TrainerConfig};
use geoloc::world::{CellBatches, WorldTask};
use serde::{Deserialize, Serialize};

use program::{EXIT_STATUS, Ending, Failure};

/// Logits over bands of latitude `[batch, 180 / degrees]` and of longitude `[batch, 360 / degrees]`.
#[derive(Clone, Debug)]
struct BandLogits {
    latitude: Tensor<2>,
    longitude: Tensor<2>,
}

/// One linear layer for each axis.
#[derive(Module, Debug)]
struct BandHead {
    latitude: Linear,
    longitude: Linear,
}

impl Head for BandHead {
    type Output = BandLogits;

    fn forward(&self, features: Features) -> BandLogits {
        BandLogits {
            latitude: self.latitude.forward(features.pooled.clone()),
            longitude: self.longitude.forward(features.pooled),
        }
    }
}

/// Bands of so many degrees; they divide 180.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Bands {
    degrees: usize,
}

impl Bands {
    fn count(self) -> [usize; 2] {
        [180 / self.degrees, 360 / self.degrees]
    }

    fn of(self, place: LatLng) -> [usize; 2] {
        let [rows, columns] = self.count();
        let band = |degrees: f64| (degrees / self.degrees as f64) as usize;
        [
            band(place.lat() + 90.0).min(rows - 1),
            band(place.lng() + 180.0).min(columns - 1),
        ]
    }

    /// The middle of a band on each axis.
    fn center(self, [row, column]: [usize; 2]) -> Option<LatLng> {
        let middle = |band: usize| (band as f64 + 0.5) * self.degrees as f64;
        LatLng::new(middle(row) - 90.0, middle(column) - 180.0).ok()
    }
}

impl HeadConfig for Bands {
    type Head = BandHead;

    fn init(&self, features: &FeatureSpec, device: &Device) -> Result<BandHead, ConfigError> {
        ConfigError::check(
            self.degrees > 0 && 180 % self.degrees == 0,
            "degrees",
            self.degrees as f64,
            "a divisor of 180",
        )?;
        let layer = |width| LinearConfig::new(features.width, width).init(device);
        let [rows, columns] = self.count();
        Ok(BandHead {
            latitude: layer(rows),
            longitude: layer(columns),
        })
    }
}

/// The band of each place on both axes, each `[batch]`.
type BandTarget = [Tensor<1, Int>; 2];

impl TargetEncoder for Bands {
    type Target = BandTarget;

    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<BandTarget, TargetError> {
        Ok([0, 1].map(|axis| {
            let bands: Vec<i64> = truth.iter().map(|&p| self.of(p)[axis] as i64).collect();
            Tensor::from_data(TensorData::new(bands, [truth.len()]), device)
        }))
    }
}

/// The sum of the cross-entropies of both axes.
#[derive(Clone, Debug)]
struct BandLoss;

impl Loss<BandLogits> for BandLoss {
    type Target = BandTarget;

    fn forward(&self, output: &BandLogits, [latitude, longitude]: &BandTarget) -> Tensor<1> {
        let loss = CrossEntropyLossConfig::new().init(&output.latitude.device());
        loss.forward(output.latitude.clone(), latitude.clone())
            + loss.forward(output.longitude.clone(), longitude.clone())
    }
}

/// The most probable bands of each axis, combined.
#[derive(Clone, Copy, Debug)]
struct BandDecoder(Bands);

/// Bands of each axis that are combined.
const KEPT: usize = 5;

impl Decoder<BandLogits> for BandDecoder {
    fn decode(
        &self,
        output: BandLogits,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        let widths = self.0.count();
        let mut axes = Vec::new();
        for (logits, expected) in [output.latitude, output.longitude].into_iter().zip(widths) {
            let [_, found] = logits.dims();
            if found != expected {
                return Err(DecodeError::Width { expected, found });
            }
            let values = softmax(logits, 1).try_into_vec_as::<f32>();
            axes.push(values.map_err(|e| DecodeError::Device {
                reason: e.to_string(),
            })?);
        }
        let rows = axes[0].chunks_exact(widths[0]);
        let columns = axes[1].chunks_exact(widths[1]);
        let decode = |(index, (row, column))| self.decode_one(row, column, index);
        Ok(rows.zip(columns).enumerate().map(decode).collect())
    }
}

impl BandDecoder {
    fn decode_one(
        self,
        latitude: &[f32],
        longitude: &[f32],
        index: usize,
    ) -> Result<Estimate, DecodeError> {
        let best = |p: &[f32]| {
            let mut order: Vec<(usize, f32)> = p.iter().copied().enumerate().collect();
            order.sort_by(|a, b| b.1.total_cmp(&a.1));
            order.truncate(KEPT);
            order
        };
        // Half a diagonal of a band, on the equator.
        let spread_km = self.0.degrees as f64 * 111.2 / 2.0_f64.sqrt();
        let mut masses = Vec::new();
        for (row, p) in best(latitude) {
            for (column, q) in best(longitude) {
                let probability = f64::from(p) * f64::from(q);
                let location = self.0.center([row, column]);
                masses.extend(location.map(|at| PlaceMass::at(at, probability, spread_km)));
            }
        }
        estimate_from_masses(&masses, 10).ok_or(DecodeError::NotFinite { index })
    }
}

/// Trains, saves, loads and evaluates the head.
#[derive(Parser)]
#[command(after_help = EXIT_STATUS)]
struct Options {
    /// Training steps.
    #[arg(long, default_value_t = 200)]
    steps: u64,
    /// Width of a band in degrees, a divisor of 180.
    #[arg(long, default_value_t = 10)]
    degrees: usize,
    /// Where the model file goes.
    #[arg(long, default_value = "target/geoloc/custom_head/model.bpk")]
    out: PathBuf,
}

fn main() -> ExitCode {
    program::program(|| run(&Options::parse()))
}

fn run(options: &Options) -> Result<Ending, Failure> {
    let started = Instant::now();
    let device = Device::default();
    let autodiff = device.clone().autodiff();
    let task = WorldTask::new(32)?;
    let bands = Bands {
        degrees: options.degrees,
    };
    let encoder = SmallCnnConfig {
        input_size: 32,
        channels: vec![32, 64, 128],
    };
    device.seed(0);
    let learner = Training {
        model: build_model(&encoder, &bands, &autodiff)?.materialize(),
        criterion: BandLoss,
    };
    let batches = CellBatches {
        task: task.clone(),
        places: None,
        targets: bands,
        batch: 128,
        jitter: TileJitter::default(),
        seed: 0,
    };
    let trainer = Trainer::new(TrainerConfig {
        steps: options.steps,
        learning_rate: 2e-3,
        ..TrainerConfig::default()
    })
    .named("bands");
    let fitted = trainer.fit(learner, &batches, None, &autodiff)?;

    let mut artifact = Artifact::new(Manifest::new("Bands of latitude and longitude"));
    artifact.insert_component("bands", "latitude-longitude-bands", &(&encoder, bands))?;
    artifact.insert_module("bands", fitted.learner.model)?;
    artifact.save(&options.out)?;

    let artifact = Artifact::open(&options.out)?;
    let (encoder, bands): (SmallCnnConfig, Bands) =
        artifact.settings("bands", "latitude-longitude-bands")?;
    let model = artifact.load_module("bands", build_model(&encoder, &bands, &device)?)?;
    let locator = Pipeline::new("bands", &model, BandDecoder(bands), *task.input(), &device);

    let places = task.split().seen_queries(task.split().seen_len(), 0)?;
    let photos = task.photos(View::Query, &places, "seen")?;
    let conventions = Conventions::default();
    let method = evaluate(&locator, Role::Method, &photos, &conventions)?;
    let training: Vec<LatLng> = (0..5000).map(|i| task.split().sample_train(0, i)).collect();
    let constant = ConstantLocator::geometric_median(&training).ok_or("no training places")?;
    let constant = evaluate(&constant, Role::Baseline, &photos, &conventions)?;
    let median = |m: &MethodReport| m.distance.median_km.map(|m| m.value.round());
    outln!(
        "\n{}",
        serde_json::json!({
            "median_km": median(&method),
            "constant_median_km": median(&constant),
            "within_750_km": method.distance.share_within(750.0),
            "queries": method.distance.n,
            "model": path_text(&options.out),
            "seconds": (started.elapsed().as_secs_f64() * 10.0).round() / 10.0,
        })
    );
    Ok(Ending::Whole)
}
