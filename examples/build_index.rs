//! Builds an index file of places for a retrieval model.
//!
//! ```text
//! cargo run --release --example build_index -- --model model.bpk --out places.index
//! cargo run --release --example build_index -- --model model.bpk --photos photos.csv --out places.index
//! cargo run --release --example build_index -- --model model.bpk --photos folder/ --out places.index
//! cargo run --release --example build_index -- --model model.bpk \
//!     --embeddings cells.npy --coordinates cells.csv --out places.index
//! ```
//!
//! The first form indexes the gallery inside the model file; the second the photos of a CSV file (columns
//! for path, latitude and longitude); the third a folder of photos that carry their position; the last
//! vectors that were made elsewhere with this model, one row of coordinates for each. Row ids are
//! positions in the list. A build that was interrupted goes on where it stopped.

#![allow(clippy::print_stdout, reason = "examples talk to people")]

#[path = "support/npy.rs"]
mod npy;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Parser, ValueEnum};
use geoloc::artifact::Artifact;
use geoloc::burn::tensor::Device;
use geoloc::datasets::{Photo, decode_all, list_images, read_manifest};
use geoloc::geo_cells::{LatLng, PlacesOptions, read_places};
use geoloc::locate::{Embedder, RETRIEVAL, embedding_name, load_embedder};
use geoloc::retrieval::{
    BuildStage, IndexBuilder, IndexKind, IvfConfig, ListCodes, Place, Rows, StoredIndex,
    VectorIndex,
};
use serde_json::json;

type Failure = Box<dyn Error>;

/// Photos embedded between two lines of progress.
const PHOTOS: usize = 64;
/// Bytes of decoded photos that are embedded together.
const HELD_BYTES: usize = 256 << 20;
/// Vectors added between two lines of progress.
const VECTORS: usize = 65_536;

/// Builds an index file.
#[derive(Parser)]
struct Options {
    /// Model file with a retrieval component.
    #[arg(long, default_value = "target/geoloc/quickstart/model.bpk")]
    model: PathBuf,
    /// Component of the model file; its default one if not given.
    #[arg(long)]
    component: Option<String>,
    /// CSV file of photos with coordinates, or a folder of photos that carry them.
    #[arg(long, conflicts_with = "embeddings")]
    photos: Option<PathBuf>,
    /// Matrix of vectors (.npy, f32).
    #[arg(long, requires = "coordinates")]
    embeddings: Option<PathBuf>,
    /// CSV file with the coordinates of the vectors, in their order.
    #[arg(long, requires = "embeddings")]
    coordinates: Option<PathBuf>,
    /// The index file to write.
    #[arg(long, default_value = "target/geoloc/places.index")]
    out: PathBuf,
    /// Codes of the index: exact, or lists with fewer bits a value.
    #[arg(long, value_enum, default_value_t = Codes::Exact)]
    codes: Codes,
    /// Number of lists; chosen by the number of rows if not given.
    #[arg(long)]
    lists: Option<usize>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Codes {
    /// One byte a value, every row scanned: exact.
    Exact,
    /// Lists with one byte a value.
    Int8,
    /// Lists with four bits a value.
    FourBit,
    /// Lists with one bit a value.
    OneBit,
}

impl Options {
    fn kind(&self) -> IndexKind {
        let codes = match self.codes {
            Codes::Exact => return IndexKind::Flat,
            Codes::Int8 => ListCodes::Int8,
            Codes::FourBit => ListCodes::FourBit,
            Codes::OneBit => ListCodes::OneBit,
        };
        IndexKind::Ivf(IvfConfig {
            codes,
            lists: self.lists,
            ..IvfConfig::default()
        })
    }
}

fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let started = Instant::now();
    let artifact = Artifact::open(&options.model)?;
    let component = options.component.as_deref();
    let embedder = load_embedder(&artifact, component, &Device::default())?;
    let name = embedding_name(&artifact, component)?;
    if let Some(folder) = options.out.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let dim = embedder.dim();
    let builder = IndexBuilder::open_for(&options.out, dim, options.kind(), &name)?;
    if builder.rows() > 0 {
        eprintln!("goes on after row {}", builder.next_id() - 1);
    }
    let failed = match (&options.photos, &options.embeddings, &options.coordinates) {
        (Some(photos), ..) => from_photos(builder, embedder.as_ref(), photos)?,
        (_, Some(vectors), Some(places)) => from_vectors(builder, dim, vectors, places)?,
        _ => from_artifact(builder, &artifact, component)?,
    };
    let index = StoredIndex::open(&options.out)?;
    let bytes = std::fs::metadata(&options.out)?.len();
    println!(
        "{} rows, {bytes} bytes: {}",
        index.len(),
        options.out.display()
    );
    println!(
        "{}",
        json!({
            "rows": index.len(), "failed": failed, "dim": dim, "bytes": bytes, "embedding": name,
            "seconds": (started.elapsed().as_secs_f64() * 10.0).round() / 10.0,
        })
    );
    Ok(())
}

/// The gallery inside the model file.
fn from_artifact(
    builder: IndexBuilder,
    artifact: &Artifact,
    component: Option<&str>,
) -> Result<usize, Failure> {
    let manifest = artifact.manifest();
    let is_retrieval = |name: &&str| {
        let component = manifest.components.get(*name);
        component.is_some_and(|component| component.kind == RETRIEVAL)
    };
    let name = component.or(manifest.default_component.as_deref());
    let name = name.filter(is_retrieval).ok_or("no retrieval component")?;
    let (vectors, dim, locations) = artifact.gallery(name)?;
    add_all(builder, dim, &locations, |from, to| {
        Ok(vectors[from * dim..to * dim].to_vec())
    })?;
    Ok(0)
}

/// Vectors made elsewhere.
fn from_vectors(
    builder: IndexBuilder,
    dim: usize,
    vectors: &Path,
    places: &Path,
) -> Result<usize, Failure> {
    let mut matrix = npy::Matrix::open(vectors)?;
    if matrix.columns != dim {
        let columns = matrix.columns;
        return Err(format!(
            "{}: {columns} columns, the model makes {dim}",
            vectors.display()
        )
        .into());
    }
    let locations = coordinates(places)?;
    if locations.len() != matrix.rows {
        let (rows, places) = (matrix.rows, locations.len());
        return Err(format!("{rows} vectors, but {places} coordinates").into());
    }
    // What is in the index already is read past.
    let mut read = 0;
    add_all(builder, dim, &locations, |from, to| {
        while read < from {
            let step = (from - read).min(VECTORS);
            matrix.read(step)?;
            read += step;
        }
        read = to;
        Ok(matrix.read(to - from)?)
    })?;
    Ok(0)
}

/// The coordinates of a CSV file; a bad row would shift all others, so it ends the build.
fn coordinates(file: &Path) -> Result<Vec<LatLng>, Failure> {
    let table = read_places(std::fs::File::open(file)?, &PlacesOptions::default())
        .map_err(|e| format!("{}: {e}", file.display()))?;
    if !table.bad_rows.is_empty() {
        return Err(format!("{}: {}", file.display(), table.bad_rows).into());
    }
    Ok(table.places)
}

/// Adds the rows that are not in the index yet.
fn add_all(
    mut builder: IndexBuilder,
    dim: usize,
    locations: &[LatLng],
    mut vectors: impl FnMut(usize, usize) -> Result<Vec<f32>, Failure>,
) -> Result<(), Failure> {
    let start = usize::try_from(builder.next_id())?;
    for from in (start..locations.len()).step_by(VECTORS) {
        let to = (from + VECTORS).min(locations.len());
        let places: Vec<Place> = locations[from..to].iter().map(|&p| p.into()).collect();
        let block = vectors(from, to)?;
        debug_assert_eq!(block.len(), (to - from) * dim);
        builder.add(&Rows::new(&block).with_places(&places))?;
        eprintln!("{to} of {} rows", locations.len());
    }
    finish(builder)
}

/// Photos through the query branch of the model; those that fail are reported and left out.
fn from_photos(
    mut builder: IndexBuilder,
    embedder: &dyn Embedder,
    source: &Path,
) -> Result<usize, Failure> {
    let list: Vec<(PathBuf, Option<LatLng>)> = if source.is_dir() {
        let found = list_images(source)?;
        if !found.passed_over.is_empty() {
            eprintln!("{}: passed over {}", source.display(), found.passed_over);
        }
        found.photos.into_iter().map(|file| (file, None)).collect()
    } else {
        let manifest = read_manifest(source)?;
        for problem in manifest.problems.iter() {
            eprintln!("{}: {problem}", source.display());
        }
        let samples = manifest.samples.into_iter();
        samples.map(|s| (s.path, Some(s.location))).collect()
    };
    let mut failed = 0;
    let start = usize::try_from(builder.next_id())?;
    for from in (start..list.len()).step_by(PHOTOS) {
        let block = &list[from..(from + PHOTOS).min(list.len())];
        let paths: Vec<&PathBuf> = block.iter().map(|(path, _)| path).collect();
        let (mut held, mut bytes) = (Vec::new(), 0);
        for (at, (photo, (path, place))) in decode_all(&paths).zip(block).enumerate() {
            let placed = photo.map_err(|e| e.source.to_string()).and_then(|photo| {
                let found = photo.exif_location();
                let place = place.or(found.location());
                let place = place.ok_or_else(|| found.problem().unwrap_or("no place").to_owned());
                Ok((photo, (from + at, place?)))
            });
            match placed {
                Ok(placed) => {
                    bytes += placed.0.rgb().len();
                    held.push(placed);
                }
                Err(reason) => {
                    failed += 1;
                    eprintln!("{}: {reason}", path.display());
                }
            }
            if bytes >= HELD_BYTES {
                failed += add_photos(&mut builder, embedder, &list, std::mem::take(&mut held))?;
                bytes = 0;
            }
        }
        failed += add_photos(&mut builder, embedder, &list, held)?;
        builder.checkpoint()?;
        eprintln!("{} of {} photos", from + block.len(), list.len());
    }
    finish(builder)?;
    Ok(failed)
}

/// Embeds photos with their positions in the list and their places, and adds them; gives how many failed.
fn add_photos(
    builder: &mut IndexBuilder,
    embedder: &dyn Embedder,
    list: &[(PathBuf, Option<LatLng>)],
    held: Vec<(Photo, (usize, LatLng))>,
) -> Result<usize, Failure> {
    let (photos, known): (Vec<Photo>, Vec<(usize, LatLng)>) = held.into_iter().unzip();
    let mut failed = 0;
    for (vector, (row, place)) in embedder.embed(&photos).into_iter().zip(known) {
        match &vector {
            Ok(vector) => {
                let rows = Rows::new(vector);
                builder.add(&rows.with_ids(&[row as u64]).with_places(&[place.into()]))?;
            }
            Err(e) => {
                failed += 1;
                eprintln!("{}: {e}", list[row].0.display());
            }
        }
    }
    Ok(failed)
}

fn finish(builder: IndexBuilder) -> Result<(), Failure> {
    builder.finish(|stage| match stage {
        BuildStage::Check => eprintln!("checking the stored rows"),
        BuildStage::Train => eprintln!("training centroids"),
        BuildStage::Assign => eprintln!("finding the list of each row"),
        BuildStage::Write => eprintln!("writing"),
        _ => {}
    })?;
    Ok(())
}
