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
//! photo are left out. Everything is fitted on the gallery's photos alone, and sees no photo of the
//! other day: principal components, a whitening learned from pairs of photos within 25 m, and a
//! projection that begins there and is trained by gradients. Their settings were chosen with
//! `--areas 3`, which cuts the gallery's day along its longitudes, fits on two parts and searches in
//! the third, for each part in turn. With `--crops FOLDER` the pixels that the network reads are
//! written there, for `scripts/place_recognition.py`, which computes the same with `PyTorch`.

#[macro_use]
#[path = "support/macros.rs"]
mod macros;
#[path = "support/program.rs"]
mod program;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use geoloc::backbones::EfficientNetLiteConfig;
use geoloc::backbones::feature_file::{FeatureFile, Precision, Precomputed};
use geoloc::backbones::pooling::{PooledConfig, PoolingConfig, Whitening, WhiteningError};
use geoloc::backbones::weights::load_weights;
use geoloc::burn::module::{Module, Param};
use geoloc::burn::tensor::{Device, Tensor, TensorData};
use geoloc::core::{Embedding, EncoderConfig, FeatureSpec, Features, GeoModel, Head, Training};
use geoloc::datasets::{Sample, decode_photo, read_manifest};
use geoloc::features::{FeatureBatches, FeatureRun};
use geoloc::geo_cells::{LatLng, haversine_km};
use geoloc::losses::{DistanceRelations, MultiSimilarity};
use geoloc::metrics::{Rank, TiePolicy, recall_at};
use geoloc::output::write_whole;
use geoloc::trainer::{Trainer, TrainerConfig};

use program::{EXIT_STATUS, Ending, Failure, LeftOut, at};

/// Photos nearer than this show the same place.
const SAME_KM: f64 = 0.025;

/// Place recognition between two days.
#[derive(Parser)]
#[command(after_help = EXIT_STATUS)]
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
    /// Shrinkage of the whitening learned from pairs, from 0 to 1; the projection begins at the last.
    #[arg(long, value_delimiter = ',', default_value = "0.8")]
    shrinkage: Vec<f64>,
    /// Steps of training of the projection.
    #[arg(long, default_value_t = 50)]
    steps: u64,
    /// Learning rates of the projection.
    #[arg(long, value_delimiter = ',', default_value = "1e-5")]
    rate: Vec<f64>,
    /// Fit on the gallery's day but for one of so many areas, and search in that one, in turn.
    #[arg(long)]
    areas: Option<usize>,
    /// Seed of the training.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder for the pixels that the network reads.
    #[arg(long)]
    crops: Option<PathBuf>,
}

fn main() -> ExitCode {
    program::program(|| run(&Options::parse()))
}

fn run(options: &Options) -> Result<Ending, Failure> {
    let device = Device::default();
    let manifest = read_manifest(&options.photos).map_err(at(&options.photos))?;
    let mut left_out = LeftOut::default();
    let list = options.photos.display();
    left_out.add_all(manifest.problems.iter().map(|p| format!("{list}: {p}")));
    let samples = manifest.samples;
    let config = PooledConfig {
        encoder: EfficientNetLiteConfig::lite0(),
        pooling: PoolingConfig::Gem { p: 3.0 },
        normalise: true,
    };
    let input = config.encoder.preprocess();
    if let Some(folder) = &options.crops {
        for (row, sample) in samples.iter().enumerate() {
            let photo = decode_photo(&sample.path)?;
            let crop = input.resize_crop(photo.rgb(), photo.width(), photo.height())?;
            write_whole(folder.join(format!("{row:05}.rgb")), &crop)?;
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
    let file = Arc::new(file);
    let places: Vec<LatLng> = samples.iter().map(|s| s.location).collect();
    let data = Data {
        frozen: file.pooled(),
        width: file.layout().spec.width,
        file,
        places,
        device,
    };
    let splits = match options.areas {
        Some(areas) => data.areas(&data.of_day(&samples, &options.gallery), areas),
        None => vec![Split {
            training: data.of_day(&samples, &options.gallery),
            gallery: data.of_day(&samples, &options.gallery),
            queries: data.of_day(&samples, &options.queries),
            bursts: true,
        }],
    };
    for split in &splits {
        outln!(
            "{} photos to fit on, {} in the gallery, {} queries with one of them within 25 m",
            split.training.len(),
            split.gallery.len(),
            data.ranks(split, &data.frozen).len()
        );
    }
    outln!("{:<28}    R@1    R@5   R@10", "method");
    data.report("frozen", &splits, |_| Ok(data.frozen.clone()))?;
    data.report("principal components, 128", &splits, |split| {
        let rows = data.rows(&split.training);
        let whitening = Whitening::fit(&rows, data.width, 128, &data.device)?;
        data.apply(&whitening)
    })?;
    for &shrinkage in &options.shrinkage {
        let name = format!("learned from pairs, {shrinkage}");
        data.report(&name, &splits, |split| {
            data.apply(&data.whitening(split, shrinkage, &data.device)?)
        })?;
    }
    let shrinkage = options.shrinkage.last().copied().unwrap_or(1.0);
    for &rate in &options.rate {
        let name = format!("projection, trained, {rate:e}");
        data.report(&name, &splits, |split| {
            train(&data, split, shrinkage, rate, options)
        })?;
    }
    Ok(left_out.ending(samples.len()))
}

/// What is fitted on what, and searched for where; rows of the list.
struct Split {
    training: Vec<usize>,
    gallery: Vec<usize>,
    queries: Vec<usize>,
    /// Whether photos of one point count. On one day they were taken within seconds.
    bursts: bool,
}

/// Places and features of all photos.
struct Data {
    places: Vec<LatLng>,
    frozen: Vec<f32>,
    width: usize,
    file: Arc<FeatureFile>,
    device: Device,
}

impl Data {
    fn of_day(&self, samples: &[Sample], day: &str) -> Vec<usize> {
        let rows = 0..self.places.len();
        rows.filter(|&row| samples[row].tag("day") == Some(day))
            .collect()
    }

    fn near(&self, a: usize, b: usize) -> bool {
        haversine_km(self.places[a], self.places[b]) <= SAME_KM
    }

    /// Areas of about as many photos each, from west to east. Photos within 25 m of an area are not
    /// fitted on for it.
    fn areas(&self, rows: &[usize], areas: usize) -> Vec<Split> {
        let mut longitudes: Vec<f64> = rows.iter().map(|&r| self.places[r].lng()).collect();
        longitudes.sort_by(f64::total_cmp);
        let at = |area: usize| longitudes.get(area * rows.len() / areas.max(1));
        let area_of = |row: usize| {
            let lng = self.places[row].lng();
            (1..areas)
                .filter(|&a| at(a).is_some_and(|&from| lng >= from))
                .count()
        };
        let split = |area: usize| {
            let (held, others): (Vec<usize>, Vec<usize>) =
                rows.iter().partition(|&&row| area_of(row) == area);
            let apart = |&row: &usize| !held.iter().any(|&h| self.near(row, h));
            Split {
                training: others.into_iter().filter(apart).collect(),
                gallery: held.clone(),
                queries: held,
                bursts: false,
            }
        };
        (0..areas).map(split).collect()
    }

    /// Ranks of the best photo within 25 m, by vectors of length 1.
    fn ranks(&self, split: &Split, vectors: &[f32]) -> Vec<Option<Rank>> {
        let width = vectors.len() / self.places.len();
        let vector = |row: usize| &vectors[row * width..(row + 1) * width];
        let rank = |&query: &usize| {
            let shown = |&&g: &&usize| split.bursts || self.places[g] != self.places[query];
            let shown: Vec<usize> = split.gallery.iter().filter(shown).copied().collect();
            let positives: Vec<usize> = (0..shown.len())
                .filter(|&i| self.near(query, shown[i]))
                .collect();
            let cosine = |&g: &usize| -> f32 {
                let pairs = vector(query).iter().zip(vector(g));
                pairs.map(|(a, b)| a * b).sum()
            };
            let scores: Vec<f32> = shown.iter().map(cosine).collect();
            (!positives.is_empty()).then(|| Rank::best_of(&scores, &positives))
        };
        split.queries.iter().filter_map(rank).collect()
    }

    /// Prints the recall of the vectors that a method makes of every split.
    fn report(
        &self,
        name: &str,
        splits: &[Split],
        method: impl Fn(&Split) -> Result<Vec<f32>, Failure>,
    ) -> Result<(), Failure> {
        let mut ranks = Vec::new();
        for split in splits {
            ranks.extend(self.ranks(split, &method(split)?));
        }
        let recall = |k| recall_at(&ranks, k, TiePolicy::Pessimistic).map(|r| 100.0 * r);
        let (one, five, ten) = (recall(1)?, recall(5)?, recall(10)?);
        outln!("{name:<28} {one:>5.1}% {five:>5.1}% {ten:>5.1}%");
        Ok(())
    }

    /// Frozen features of these rows.
    fn rows(&self, rows: &[usize]) -> Vec<f32> {
        let row = |&row: &usize| &self.frozen[row * self.width..(row + 1) * self.width];
        rows.iter().flat_map(row).copied().collect()
    }

    /// Learned from all pairs of photos within 25 m.
    fn whitening(
        &self,
        split: &Split,
        shrinkage: f64,
        device: &Device,
    ) -> Result<Whitening, WhiteningError> {
        let rows = &split.training;
        let pairs: Vec<[usize; 2]> = (0..rows.len())
            .flat_map(|i| (0..i).map(move |j| [i, j]))
            .filter(|&[i, j]| self.near(rows[i], rows[j]))
            .collect();
        let features = self.rows(rows);
        Whitening::fit_pairs(&features, self.width, &pairs, shrinkage, self.width, device)
    }

    /// All features, whitened.
    fn apply(&self, whitening: &Whitening) -> Result<Vec<f32>, Failure> {
        let shape = [self.places.len(), self.width];
        let all = TensorData::new(self.frozen.clone(), shape);
        let out = whitening.forward(Tensor::from_data(all, &self.device));
        Ok(out.try_into_vec_as::<f32>()?)
    }
}

/// Whitened features and a linear map of them, which starts at 0: weight decay draws it back to where
/// it began.
#[derive(Module, Debug)]
struct Projection {
    start: Whitening,
    /// `[width, width]`.
    change: Param<Tensor<2>>,
}

impl Head for Projection {
    type Output = Embedding;

    fn forward(&self, features: Features) -> Embedding {
        let start = self.start.forward(features.pooled);
        let moved = start.clone() + start.matmul(self.change.val());
        let square = moved.clone().powi_scalar(2).sum_dim(1);
        Embedding(moved / square.add_scalar(1e-12).sqrt())
    }
}

/// Trains the projection on cached features and applies it to all.
fn train(
    data: &Data,
    split: &Split,
    shrinkage: f64,
    learning_rate: f64,
    options: &Options,
) -> Result<Vec<f32>, Failure> {
    let training = data.device.clone().autodiff();
    training.seed(options.seed);
    let learner = Training {
        model: GeoModel {
            encoder: Precomputed::new(FeatureSpec::pooled(data.width)),
            head: Projection {
                start: data.whitening(split, shrinkage, &training)?,
                change: Param::from_tensor(Tensor::zeros([data.width, data.width], &training)),
            },
        },
        criterion: MultiSimilarity::default(),
    };
    let rows = split.training.iter().map(|&g| (g as u64, data.places[g]));
    let targets = DistanceRelations {
        positive_km: SAME_KM,
        negative_km: SAME_KM,
    };
    let file = data.file.clone();
    let batches = FeatureBatches::of_rows(file, rows.collect(), targets, 256, options.seed)?;
    let config = TrainerConfig {
        steps: options.steps,
        learning_rate,
        warmup_steps: 20.min(options.steps / 2),
        weight_decay: 1e-2,
        seed: options.seed,
        ..TrainerConfig::default()
    };
    let fitted = Trainer::new(config)
        .named("projection")
        .fit(learner, &batches, None, &training)?;
    let rows: Vec<u64> = (0..data.file.layout().rows).collect();
    let Features { pooled, .. } = data.file.features(&rows, &data.device)?;
    let embedded = fitted.learner.model.forward(Features::pooled(pooled));
    Ok(embedded.0.try_into_vec_as::<f32>()?)
}
