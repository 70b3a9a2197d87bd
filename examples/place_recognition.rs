//! Place recognition between two days: frozen features, and a projection trained on one of the days.
//!
//! ```text
//! cargo run --release --example place_recognition -- \
//!     --photos photos.csv --weights tf_efficientnet_lite0.safetensors --gallery 20251222 --queries 20251225
//! ```
//!
//! The CSV lists photos with latitude, longitude and day. EfficientNet-Lite0 with its ImageNet
//! weights and generalised mean pooling encodes each photo once, into a feature file. A query counts
//! as found if one of the best k photos of the gallery was taken within 25 m; queries without such a
//! photo are left out. The projection is trained on the gallery's photos alone, so that it has seen no
//! photo of the other day. With `--crops FOLDER` the pixels that the network reads are written there,
//! for `scripts/place_recognition.py`, which computes the same with `PyTorch`.

#![allow(clippy::print_stdout, reason = "examples talk to people")]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use geoloc::backbones::EfficientNetLiteConfig;
use geoloc::backbones::feature_file::{FeatureFile, Precision, Precomputed};
use geoloc::backbones::pooling::{PooledConfig, PoolingConfig, Whitening};
use geoloc::backbones::weights::load_weights;
use geoloc::burn::tensor::{Device, Tensor, TensorData};
use geoloc::core::{EncoderConfig, Features, GeoModel, HeadConfig, Training};
use geoloc::datasets::{Sample, decode_photo, read_manifest};
use geoloc::features::{FeatureBatches, FeatureRun};
use geoloc::geo_cells::{LatLng, haversine_km};
use geoloc::heads::embedding::EmbeddingHeadConfig;
use geoloc::losses::{DistanceRelations, MultiSimilarity};
use geoloc::metrics::{Rank, TiePolicy, recall_at};
use geoloc::trainer::{Trainer, TrainerConfig};

/// Photos nearer than this show the same place.
const SAME_KM: f64 = 0.025;

/// Place recognition between two days.
#[derive(Parser)]
struct Options {
    /// List of photos.
    #[arg(long)]
    photos: PathBuf,
    /// Weights of `tf_efficientnet_lite0`.
    #[arg(long)]
    weights: PathBuf,
    /// Day of the gallery and of the training.
    #[arg(long)]
    gallery: String,
    /// Day of the queries.
    #[arg(long)]
    queries: String,
    /// Feature file.
    #[arg(long, default_value = "target/geoloc/place_recognition.features")]
    features: PathBuf,
    /// Steps of training.
    #[arg(long, default_value_t = 400)]
    steps: u64,
    /// Length of the trained embedding.
    #[arg(long, default_value_t = 512)]
    dim: usize,
    /// Seed of the training.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder for the pixels that the network reads.
    #[arg(long)]
    crops: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let device = Device::default();
    let samples = read_manifest(&options.photos)?.samples;
    let config = PooledConfig {
        encoder: EfficientNetLiteConfig::lite0(),
        pooling: PoolingConfig::Gem { p: 3.0 },
        normalise: true,
    };
    let input = config.encoder.preprocess();
    if let Some(folder) = &options.crops {
        std::fs::create_dir_all(folder)?;
        for (row, sample) in samples.iter().enumerate() {
            let photo = decode_photo(&sample.path)?;
            let crop = input.resize_crop(photo.rgb(), photo.width(), photo.height())?;
            std::fs::write(folder.join(format!("{row:05}.rgb")), crop)?;
        }
    }
    let mut encoder = config.init(&device)?;
    let weights = load_weights(
        &mut encoder.encoder,
        &options.weights,
        &config.encoder.timm_keys(),
    )?;
    let paths: Vec<PathBuf> = samples.iter().map(|s| s.path.clone()).collect();
    let file = FeatureRun::new(&encoder, input, Precision::F32, &device).of_photos(
        &paths,
        &format!("{} gem 3", weights.sha256),
        &options.features,
    )?;
    let task = Task::new(&samples, &options);
    println!(
        "{} gallery photos of {}, {} queries of {} with a gallery photo within 25 m",
        task.gallery.len(),
        options.gallery,
        task.queries.len(),
        options.queries
    );
    println!("{:<28}    R@1    R@5   R@10", "method");
    let frozen = file.pooled();
    task.report("frozen", &frozen)?;
    let whitened = whiten(&task, &frozen, file.layout().spec.width, &device)?;
    task.report("whitened on the gallery", &whitened)?;
    let trained = train(&task, file, &options, &device)?;
    task.report("projection, trained", &trained)
}

/// Gallery and queries as rows of the list.
struct Task {
    places: Vec<LatLng>,
    gallery: Vec<usize>,
    queries: Vec<usize>,
}

impl Task {
    fn new(samples: &[Sample], options: &Options) -> Self {
        let places: Vec<LatLng> = samples.iter().map(|s| s.location).collect();
        let of = |day: &str| -> Vec<usize> {
            let rows = samples.iter().enumerate();
            rows.filter(|(_, s)| s.tag("day") == Some(day))
                .map(|(i, _)| i)
                .collect()
        };
        let gallery = of(&options.gallery);
        let near = |q: usize| {
            let mut gallery = gallery.iter();
            gallery.any(|&g| haversine_km(places[q], places[g]) <= SAME_KM)
        };
        let queries = of(&options.queries).into_iter().filter(|&q| near(q));
        Self {
            queries: queries.collect(),
            gallery,
            places,
        }
    }

    /// Prints the recall of vectors of length 1, one for each photo.
    fn report(&self, name: &str, vectors: &[f32]) -> Result<(), Box<dyn Error>> {
        let width = vectors.len() / self.places.len();
        let vector = |row: usize| &vectors[row * width..(row + 1) * width];
        let ranks: Vec<Option<Rank>> = self
            .queries
            .iter()
            .map(|&q| {
                let cosine = |&g: &usize| -> f32 {
                    let pairs = vector(q).iter().zip(vector(g));
                    pairs.map(|(a, b)| a * b).sum()
                };
                let scores: Vec<f32> = self.gallery.iter().map(cosine).collect();
                let near = |&i: &usize| {
                    haversine_km(self.places[q], self.places[self.gallery[i]]) <= SAME_KM
                };
                let positives: Vec<usize> = (0..scores.len()).filter(near).collect();
                Rank::best_of(&scores, &positives)
            })
            .collect();
        let recall = |k| recall_at(&ranks, k, TiePolicy::Pessimistic).map(|r| 100.0 * r);
        let (one, five, ten) = (recall(1)?, recall(5)?, recall(10)?);
        println!("{name:<28} {one:>5.1}% {five:>5.1}% {ten:>5.1}%");
        Ok(())
    }
}

/// Principal components of the gallery's features, applied to all.
fn whiten(
    task: &Task,
    features: &[f32],
    width: usize,
    device: &Device,
) -> Result<Vec<f32>, Box<dyn Error>> {
    let rows = task.gallery.iter();
    let gallery: Vec<f32> = rows
        .flat_map(|&g| features[g * width..(g + 1) * width].iter().copied())
        .collect();
    let whitening = Whitening::fit(&gallery, width, 128, device)?;
    let all = TensorData::new(features.to_vec(), [features.len() / width, width]);
    let out = whitening.forward(Tensor::from_data(all, device));
    Ok(out.try_into_vec_as::<f32>()?)
}

/// Trains the projection on the gallery's photos and applies it to all.
fn train(
    task: &Task,
    file: FeatureFile,
    options: &Options,
    device: &Device,
) -> Result<Vec<f32>, Box<dyn Error>> {
    let training = device.clone().autodiff();
    training.seed(options.seed);
    let spec = file.layout().spec;
    let file = Arc::new(file);
    let head = EmbeddingHeadConfig { dim: options.dim };
    let learner = Training {
        model: GeoModel {
            encoder: Precomputed::new(geoloc::core::FeatureSpec::pooled(spec.width)),
            head: head.init(&spec, &training)?,
        },
        criterion: MultiSimilarity::default(),
    };
    let rows = task.gallery.iter().map(|&g| (g as u64, task.places[g]));
    let targets = DistanceRelations {
        positive_km: 0.010,
        negative_km: SAME_KM,
    };
    let batches =
        FeatureBatches::of_rows(file.clone(), rows.collect(), targets, 256, options.seed)?;
    let config = TrainerConfig {
        steps: options.steps,
        learning_rate: 1e-3,
        warmup_steps: 20,
        weight_decay: 1e-2,
        seed: options.seed,
        ..TrainerConfig::default()
    };
    let fitted = Trainer::new(config)
        .named("projection")
        .fit(learner, &batches, None, &training)?;
    let rows: Vec<u64> = (0..file.layout().rows).collect();
    let Features { pooled, .. } = file.features(&rows, device)?;
    let embedded = fitted.learner.model.forward(Features::pooled(pooled));
    Ok(embedded.0.try_into_vec_as::<f32>()?)
}
