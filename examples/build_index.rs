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
//! positions in the list.
//!
//! A build that was interrupted is resumed by the same command. Its folder (`NAME.building`) records what
//! it was begun with: the model, and path, place, size and time of modification of each photo. With
//! anything else the build is refused. An older index stays until the new one is whole and has rows.

#[macro_use]
#[path = "support/macros.rs"]
mod macros;
#[path = "support/folder.rs"]
mod folder;
#[path = "support/npy.rs"]
mod npy;
#[path = "build_index/photos.rs"]
mod photos;
#[path = "support/program.rs"]
mod program;
#[path = "build_index/progress.rs"]
mod progress;
#[path = "build_index/vectors.rs"]
mod vectors;

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use geoloc::artifact::Artifact;
use geoloc::burn::tensor::Device;
use geoloc::job::{JobInput, JobRecord};
use geoloc::locate::{embedding_name, load_embedder};
use geoloc::retrieval::{BuildStage, IndexBuilder, IndexKind, IvfConfig, ListCodes, StoredIndex};
use serde_json::{Value, json};

use folder::PassedOver;
use program::{EXIT_STATUS, Ending, Failure, LeftOut, at};
use progress::folder_of;

/// Builds an index file.
#[derive(Parser)]
#[command(after_help = EXIT_STATUS)]
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
    /// Column of the path in the list of photos; found by the usual names if not given.
    #[arg(long, requires = "photos")]
    path_column: Option<String>,
    /// Column of the latitude in the list of photos or coordinates; found by the usual names if not given.
    #[arg(long)]
    latitude_column: Option<String>,
    /// Column of the longitude in the list of photos or coordinates; found by the usual names if not given.
    #[arg(long)]
    longitude_column: Option<String>,
    /// The index file to write.
    #[arg(long, default_value = "target/geoloc/places.index")]
    out: PathBuf,
    /// Codes of the index: exact, or lists with fewer bits a value.
    #[arg(long, value_enum, default_value_t = Codes::Exact)]
    codes: Codes,
    /// Number of lists; chosen by the number of rows if not given.
    #[arg(long)]
    lists: Option<usize>,
    /// When a build is resumed, read the photos that are done once more and compare their content, not
    /// only size and time.
    #[arg(long)]
    check_content: bool,
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

fn main() -> ExitCode {
    program::program(|| run(&Options::parse()))
}

fn run(options: &Options) -> Result<Ending, Failure> {
    let started = Instant::now();
    let artifact = Artifact::open(&options.model)?;
    let component = options.component.as_deref();
    let embedder = load_embedder(&artifact, component, &Device::default())?;
    let name = embedding_name(&artifact, component)?;
    if let Some(folder) = options.out.parent() {
        std::fs::create_dir_all(folder).map_err(at(folder))?;
    }
    let mut build = Build {
        options,
        dim: embedder.dim(),
        name,
        left_out: LeftOut::default(),
        passed_over: PassedOver::default(),
    };
    let builder = match (&options.photos, &options.embeddings, &options.coordinates) {
        (Some(photos), ..) => build.of_photos(embedder.as_ref(), photos)?,
        (_, Some(vectors), Some(places)) => build.of_matrix(vectors, places)?,
        _ => build.of_gallery(&artifact)?,
    };
    build.finish(builder)?;
    let index = StoredIndex::open(&options.out)?;
    let bytes = std::fs::metadata(&options.out)
        .map_err(at(&options.out))?
        .len();
    outln!(
        "{} rows, {bytes} bytes: {}",
        index.len(),
        options.out.display()
    );
    outln!(
        "{}",
        json!({
            "rows": index.len(), "failed": build.left_out.count, "reasons": build.left_out.reasons,
            "passed_over": build.passed_over.json(), "dim": build.dim, "bytes": bytes,
            "embedding": build.name,
            "seconds": (started.elapsed().as_secs_f64() * 10.0).round() / 10.0,
        })
    );
    Ok(build.left_out.ending(index.len()))
}

struct Build<'a> {
    options: &'a Options,
    dim: usize,
    /// Name of the embedding.
    name: String,
    left_out: LeftOut,
    passed_over: PassedOver,
}

impl Build<'_> {
    /// Starts the build, or resumes one that was begun with the same input.
    fn begin(&self, source: &Value, inputs: Vec<JobInput>) -> Result<IndexBuilder, Failure> {
        let kind = self.options.kind();
        let settings = json!({ "embedding": self.name, "index": kind, "source": source });
        let builder = IndexBuilder::open_for(&self.options.out, self.dim, kind, &self.name)?;
        let record = JobRecord { settings, inputs };
        progress::check(&builder, &self.options.out, &record)?;
        Ok(builder)
    }

    fn finish(&self, mut builder: IndexBuilder) -> Result<(), Failure> {
        builder.checkpoint()?;
        if builder.rows() == 0 {
            drop(builder);
            let folder = folder_of(&self.options.out);
            std::fs::remove_dir_all(&folder).map_err(at(&folder))?;
            let out = self.options.out.display();
            let mut reason = format!("no row is left for {out}, nothing was written");
            if let Some(first) = self.left_out.reasons.first() {
                write!(
                    reason,
                    "; {} left out, the first: {first}",
                    self.left_out.count
                )?;
            }
            return Err(reason.into());
        }
        builder.finish(|stage| match stage {
            BuildStage::Check => errln!("checking the stored rows"),
            BuildStage::Train => errln!("training centroids"),
            BuildStage::Assign => errln!("finding the list of each row"),
            BuildStage::Write => errln!("writing"),
            _ => {}
        })?;
        progress::clear(&self.options.out);
        Ok(())
    }
}
