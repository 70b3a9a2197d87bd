//! Searches an index file: ranked places for pictures, or for vectors.
//!
//! ```text
//! cargo run --release --example search_index -- --model model.bpk --index places.index photo.jpg
//! cargo run --release --example search_index -- --index places.index --vectors queries.npy --json
//! cargo run --release --example search_index -- --index places.index --vectors queries.npy \
//!     --cap 48.86,2.35,300 --distinct-km 25 -k 5
//! ```
//!
//! A picture that cannot be read costs no other: it is reported, and the exit status is 1.

#![allow(clippy::print_stdout, reason = "examples talk to people")]

#[path = "support/npy.rs"]
mod npy;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use geoloc::artifact::Artifact;
use geoloc::burn::tensor::Device;
use geoloc::datasets::{decode_photo, list_images};
use geoloc::geo_cells::{Cap, CellId, LatLng, LatLngRect};
use geoloc::locate::{load_embedder, open_index};
use geoloc::retrieval::{
    DensityEstimator, Hits, Query, Region, StoredIndex, VectorIndex, Weighting,
};
use serde_json::{Value, json};

type Failure = Box<dyn Error>;

/// Searches an index file.
#[derive(Parser)]
struct Options {
    /// Index file, as written by `build_index`.
    #[arg(long, default_value = "target/geoloc/places.index")]
    index: PathBuf,
    /// Model file that made the vectors of the index; needed for pictures.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Component of the model file; its default one if not given.
    #[arg(long)]
    component: Option<String>,
    /// Matrix of query vectors (.npy, f32).
    #[arg(long)]
    vectors: Option<PathBuf>,
    /// Places for each query.
    #[arg(short, default_value_t = 5)]
    k: usize,
    /// Only places within a distance: latitude,longitude,km.
    #[arg(long, value_parser = numbers::<3>, allow_hyphen_values = true)]
    cap: Option<[f64; 3]>,
    /// Only places in a box: south,west,north,east.
    #[arg(
        long = "box",
        value_parser = numbers::<4>,
        allow_hyphen_values = true,
        conflicts_with = "cap"
    )]
    rect: Option<[f64; 4]>,
    /// Only places in S2 cells, by their tokens.
    #[arg(long, value_delimiter = ',', conflicts_with_all = ["cap", "rect"])]
    cells: Vec<String>,
    /// Only places more than so many km apart.
    #[arg(long)]
    distinct_km: Option<f64>,
    /// Lists to visit, where the index has lists.
    #[arg(long)]
    probes: Option<usize>,
    /// Print one JSON object a query before the one with the counts.
    #[arg(long)]
    json: bool,
    /// Pictures, and folders of pictures.
    #[arg(requires = "model", required_unless_present = "vectors")]
    images: Vec<PathBuf>,
}

/// Numbers with commas between them.
fn numbers<const N: usize>(text: &str) -> Result<[f64; N], String> {
    let parsed: Result<Vec<f64>, _> = text.split(',').map(|n| n.trim().parse()).collect();
    let parsed = parsed.map_err(|_| format!("{text:?} is not {N} numbers with commas between"))?;
    let count = parsed.len();
    parsed
        .try_into()
        .map_err(|_| format!("{N} numbers are needed, not {count}"))
}

/// What is searched for, or why it cannot be.
type Asked = (String, Result<Vec<f32>, String>);

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

/// Answers how many queries failed.
fn run(options: &Options) -> Result<usize, Failure> {
    let (index, asked) = open(options)?;
    let region = region(options)?;
    let (mut names, mut queries) = (Vec::new(), Vec::new());
    let mut failed = 0;
    for (name, vector) in asked {
        match vector {
            Ok(vector) => {
                names.push(name);
                queries.push(query(&vector, options, region.as_ref()));
            }
            Err(e) => {
                failed += 1;
                eprintln!("{name}: {e}");
            }
        }
    }
    let started = Instant::now();
    let answers = index.search_batch(&queries)?;
    let seconds = started.elapsed().as_secs_f64();
    for (name, hits) in names.iter().zip(&answers) {
        print(name, hits, options.json);
    }
    let exact = answers.iter().all(|hits| hits.exact);
    println!(
        "{}",
        json!({
            "queries": answers.len(), "failed": failed, "rows": index.len(), "exact": exact,
            "seconds": (seconds * 1e6).round() / 1e6,
        })
    );
    Ok(failed)
}

/// The index, checked against the model where one is given, and the queries.
fn open(options: &Options) -> Result<(StoredIndex, Vec<Asked>), Failure> {
    let mut asked = Vec::new();
    let index = if let Some(model) = &options.model {
        let artifact = Artifact::open(model)?;
        let component = options.component.as_deref();
        let index = open_index(&artifact, component, &options.index)?;
        let embedder = load_embedder(&artifact, component, &Device::default())?;
        for path in &options.images {
            let files = if path.is_dir() {
                let found = list_images(path)?;
                if !found.passed_over.is_empty() {
                    eprintln!("{}: passed over {}", path.display(), found.passed_over);
                }
                found.photos
            } else {
                vec![path.clone()]
            };
            for file in files {
                let vector = decode_photo(&file)
                    .map_err(|e| e.source.to_string())
                    .and_then(|photo| match embedder.embed(&[photo]).pop() {
                        Some(vector) => vector.map_err(|e| e.to_string()),
                        None => Err("no answer".into()),
                    });
                asked.push((file.display().to_string(), vector));
            }
        }
        index
    } else {
        StoredIndex::open(&options.index)?
    };
    if let Some(file) = &options.vectors {
        let mut matrix = npy::Matrix::open(file)?;
        for row in 0..matrix.rows {
            asked.push((format!("{}[{row}]", file.display()), Ok(matrix.read(1)?)));
        }
    }
    Ok((index, asked))
}

fn region(options: &Options) -> Result<Option<Region>, Failure> {
    if let Some([lat, lng, km]) = options.cap {
        return Ok(Some(Region::cap(&Cap::new(LatLng::new(lat, lng)?, km))?));
    }
    if let Some([south, west, north, east]) = options.rect {
        let rect = LatLngRect::new(south, west, north, east)?;
        return Ok(Some(Region::rect(&rect)?));
    }
    let mut cells = Vec::new();
    for token in &options.cells {
        cells.push(CellId::from_token(token)?);
    }
    Ok((!cells.is_empty()).then(|| Region::cells(&cells)))
}

fn query(vector: &[f32], options: &Options, region: Option<&Region>) -> Query {
    let mut query = Query::new(vector).k(options.k);
    if let Some(region) = region {
        query = query.region(region.clone());
    }
    if let Some(km) = options.distinct_km {
        query = query.diversity_radius_km(km);
    }
    if let Some(probes) = options.probes {
        query = query.probes(probes);
    }
    query
}

fn print(name: &str, hits: &Hits, as_json: bool) {
    // The hits as one place: half of their mass lies within the radius.
    let estimator = DensityEstimator {
        sigma_km: 100.0,
        weighting: Weighting::Softmax { temperature: 0.1 },
        snap_km: None,
    };
    let radius = estimator.estimate(hits).ok().map(|e| e.radius50_km);
    if as_json {
        let places: Vec<Value> = hits
            .hits
            .iter()
            .map(|hit| {
                let location = hit.place.map(|place| place.location);
                json!({
                    "id": hit.id, "score": hit.score,
                    "lat": location.map(LatLng::lat), "lon": location.map(LatLng::lng),
                })
            })
            .collect();
        println!(
            "{}",
            json!({
                "query": name, "exact": hits.exact, "reranked": hits.reranked,
                "radius50_km": radius, "places": places,
            })
        );
        return;
    }
    println!("{name}");
    for (rank, hit) in hits.hits.iter().enumerate() {
        let at = match hit.place {
            Some(place) => place.location.to_string(),
            None => "no place".to_owned(),
        };
        println!(
            "  {:>2}. {at:>24}  row {:<9} {:.4}",
            rank + 1,
            hit.id,
            hit.score
        );
    }
}
