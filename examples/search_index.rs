//! Searches an index file: ranked places for pictures, or for vectors.
//!
//! ```text
//! cargo run --release --example search_index -- --model model.bpk --index places.index photo.jpg
//! cargo run --release --example search_index -- --index places.index --vectors queries.npy --json
//! cargo run --release --example search_index -- --index places.index --vectors queries.npy \
//!     --cap 48.86,2.35,300 --distinct-km 25 -k 5
//! ```
//!
//! Each answer is printed as soon as it is there. A picture or vector that cannot be used costs no other: it
//! is reported, and the exit status is 3.

#[macro_use]
#[path = "support/macros.rs"]
mod macros;
#[path = "support/folder.rs"]
mod folder;
#[path = "support/npy.rs"]
mod npy;
#[path = "support/program.rs"]
mod program;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use geoloc::artifact::Artifact;
use geoloc::burn::tensor::Device;
use geoloc::datasets::decode_photo;
use geoloc::geo_cells::{Cap, CellId, LatLng, LatLngRect};
use geoloc::job::path_text;
use geoloc::locate::{Embedder, load_embedder, open_index};
use geoloc::retrieval::{
    DensityEstimator, Hits, Query, Region, StoredIndex, VectorIndex, Weighting,
};
use serde_json::{Value, json};

use folder::{PassedOver, photos_of};
use program::{EXIT_STATUS, Ending, Failure, LeftOut};

/// Vectors of a matrix that are searched together.
const TOGETHER: usize = 256;

/// Searches an index file.
#[derive(Parser)]
#[command(after_help = EXIT_STATUS)]
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

fn main() -> ExitCode {
    program::program(|| run(&Options::parse()))
}

fn run(options: &Options) -> Result<Ending, Failure> {
    let mut searching = Searching {
        region: region(options)?,
        options,
        failed: LeftOut::default(),
        answered: 0,
        exact: true,
        spent: Duration::ZERO,
    };
    let mut passed_over = PassedOver::default();
    let index = if let Some(model) = &options.model {
        let artifact = Artifact::open(model)?;
        let component = options.component.as_deref();
        let index = open_index(&artifact, component, &options.index)?;
        let embedder = load_embedder(&artifact, component, &Device::default())?;
        for path in &options.images {
            let files = if path.is_dir() {
                match photos_of(path, &mut passed_over) {
                    Ok(files) => files,
                    Err(e) => {
                        searching.failed.add(e);
                        continue;
                    }
                }
            } else {
                vec![path.clone()]
            };
            for file in files {
                match embed(embedder.as_ref(), &file) {
                    Ok(vector) => searching.search(&index, vec![(path_text(&file), vector)]),
                    Err(e) => searching.failed.add(format!("{}: {e}", file.display())),
                }
            }
        }
        index
    } else {
        StoredIndex::open(&options.index)?
    };
    if let Some(file) = &options.vectors {
        let mut matrix = npy::Matrix::open(file)?;
        if matrix.columns != index.dim() {
            let (file, found, dim) = (file.display(), matrix.columns, index.dim());
            return Err(format!("{file}: {found} columns, the index has {dim}").into());
        }
        for first in (0..matrix.rows).step_by(TOGETHER) {
            let rows = TOGETHER.min(matrix.rows - first);
            let block = matrix.read(rows)?;
            let named = |(k, vector): (usize, &[f32])| {
                (
                    format!("{}[{}]", path_text(file), first + k),
                    vector.to_vec(),
                )
            };
            let asked = block.chunks_exact(matrix.columns).enumerate().map(named);
            searching.search(&index, asked.collect());
        }
    }
    outln!(
        "{}",
        json!({
            "queries": searching.answered, "failed": searching.failed.count,
            "reasons": searching.failed.reasons, "passed_over": passed_over.json(),
            "rows": index.len(), "exact": searching.exact,
            "seconds": (searching.spent.as_secs_f64() * 1e6).round() / 1e6,
        })
    );
    Ok(searching.failed.ending(searching.answered))
}

fn embed(embedder: &dyn Embedder, file: &std::path::Path) -> Result<Vec<f32>, String> {
    let photo = decode_photo(file).map_err(|e| e.source.to_string())?;
    match embedder.embed(&[photo]).pop() {
        Some(vector) => vector.map_err(|e| e.to_string()),
        None => Err("no answer".into()),
    }
}

/// How far the search is.
struct Searching<'a> {
    options: &'a Options,
    region: Option<Region>,
    failed: LeftOut,
    answered: usize,
    exact: bool,
    spent: Duration,
}

impl Searching<'_> {
    /// Searches for a few vectors and prints what is found.
    fn search(&mut self, index: &StoredIndex, asked: Vec<(String, Vec<f32>)>) {
        let (finite, bad): (Vec<_>, Vec<_>) = asked
            .into_iter()
            .partition(|(_, vector)| vector.iter().all(|v| v.is_finite()));
        for (name, _) in bad {
            let reason = "the vector holds a number that is not finite";
            self.failed.add(format!("{name}: {reason}"));
        }
        let query =
            |(_, vector): &(String, Vec<f32>)| query(vector, self.options, self.region.as_ref());
        let queries: Vec<Query> = finite.iter().map(query).collect();
        let started = Instant::now();
        // One that is refused must not cost the others.
        let answers: Vec<Result<Hits, _>> = match index.search_batch(&queries) {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(_) => queries.iter().map(|query| index.search(query)).collect(),
        };
        self.spent += started.elapsed();
        for ((name, _), answer) in finite.iter().zip(answers) {
            match answer {
                Ok(hits) => {
                    self.answered += 1;
                    self.exact &= hits.exact;
                    print(name, &hits, self.options.json);
                }
                Err(e) => self.failed.add(format!("{name}: {e}")),
            }
        }
    }
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
        outln!(
            "{}",
            json!({
                "query": name, "exact": hits.exact, "reranked": hits.reranked,
                "radius50_km": radius, "places": places,
            })
        );
        return;
    }
    outln!("{name}");
    for (rank, hit) in hits.hits.iter().enumerate() {
        let at = match hit.place {
            Some(place) => place.location.to_string(),
            None => "no place".to_owned(),
        };
        outln!(
            "  {:>2}. {at:>24}  row {:<9} {:.4}",
            rank + 1,
            hit.id,
            hit.score
        );
    }
}
