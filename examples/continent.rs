//! A continent's worth of cell codes: built, searched and checked, with what it takes.
//!
//! ```text
//! cargo run --release --example continent                                    # 433,000 km2, 22 million cells
//! cargo run --release --example continent -- --area-km2 500 --queries 50     # seconds
//! ```
//!
//! All S2 cells of level 16 of the land nearest to 51 N, 9 E get a made-up code of realistic
//! correlation between neighbours, fused with the prototype of their parent at level 15
//! (`continent/codes.rs`). They go through the resumable builder into a flat index: int8 codes to
//! scan, f32 rows mapped from the disk for exact scores. Queries come from known places anywhere
//! inside a cell. A run that was killed is resumed by the same command. The last line is one JSON object.

#[macro_use]
#[path = "support/macros.rs"]
mod macros;
#[path = "continent/codes.rs"]
mod codes;
#[path = "continent/exhaustive.rs"]
mod exhaustive;
#[path = "continent/factored.rs"]
mod factored;
#[path = "continent/land.rs"]
mod land;
#[path = "support/program.rs"]
mod program;
#[path = "continent/queries.rs"]
mod queries;
#[path = "continent/usage.rs"]
mod usage;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use geoloc_geo_cells::{CellId, LatLng, Level};
use geoloc_retrieval::{FlatIndex, Hits, IndexBuilder, IndexKind, Place, Query, Rows, VectorIndex};
use rayon::prelude::*;
use serde_json::json;

use codes::{Codes, descendants};
use exhaustive::RANKS;
pub(crate) use program::Failure;
use program::{Ending, at};
use queries::{Planted, recall};
use usage::{Clock, MemoryWatch, check_disk};

/// Land of Europe in km2, for the projection.
const EUROPE_KM2: f64 = 10.18e6;
/// Blocks of cells that are made at once.
const TOGETHER: usize = 64;
/// Queries compared with scoring every row.
const CHECKED: usize = 100;
/// Rows of the table with both parts apart, which is kept in memory.
const FACTORED_ROWS: usize = 1_000_000;

const USAGE: &str = "continent [--area-km2 433000] [--dim 128] [--queries 1000] [--kappa 0.5] \
                     [--noise 1.5] [--out target/geoloc/continent]";

struct Args {
    area_km2: f64,
    dim: usize,
    queries: usize,
    kappa: f32,
    noise: f32,
    out: PathBuf,
}

impl Args {
    fn parse() -> Result<Self, Failure> {
        let mut args = Self {
            area_km2: 433_000.0,
            dim: 128,
            queries: 1000,
            kappa: 0.5,
            noise: 1.5,
            out: PathBuf::from("target/geoloc/continent"),
        };
        let mut given = std::env::args().skip(1);
        while let Some(name) = given.next() {
            let value = given
                .next()
                .ok_or_else(|| format!("{name} takes a value: {USAGE}"))?;
            match name.as_str() {
                "--area-km2" => args.area_km2 = value.parse()?,
                "--dim" => args.dim = value.parse()?,
                "--queries" => args.queries = value.parse()?,
                "--kappa" => args.kappa = value.parse()?,
                "--noise" => args.noise = value.parse()?,
                "--out" => args.out = value.into(),
                _ => return Err(format!("unknown option {name}: {USAGE}").into()),
            }
        }
        let sane = args.area_km2 > 0.0 && args.dim > 0 && args.queries > 0;
        if sane { Ok(args) } else { Err(USAGE.into()) }
    }
}

fn main() -> ExitCode {
    program::program(run)
}

fn run() -> Result<Ending, Failure> {
    let args = Args::parse()?;
    let mut memory = MemoryWatch::start();
    let codes = Codes {
        dim: args.dim,
        seed: 5,
        kappa: args.kappa,
        noise: args.noise,
        aerial: Level::try_from(16)?,
        prototype: Level::try_from(15)?,
    };
    let (blocks, area) =
        land::nearest_land(LatLng::new(51.0, 9.0)?, args.area_km2, Level::try_from(12)?)?;
    let per_block = 1 << (2 * (16 - 12));
    let rows = blocks.len() * per_block;
    outln!(
        "cells       {rows} of level 16 on {area:.0} km2 of land, {}-d",
        codes.dim
    );

    std::fs::create_dir_all(&args.out).map_err(at(&args.out))?;
    let path = args.out.join("cells.index");
    // The rows twice (spool and index), codes, ids, cells and places.
    check_disk(&args.out, rows as f64 * (9.2 * codes.dim as f64 + 100.0))?;
    let clock = Clock::start();
    build(&codes, &blocks, per_block, &path)?;
    let build = clock.read();
    memory.ended("build");
    let clock = Clock::start();
    let index = FlatIndex::open(&path)?;
    let open = clock.read();
    let (file, scanned) = (
        std::fs::metadata(&path)?.len() as f64,
        index.code_bytes() as f64,
    );
    outln!(
        "built       {:.0} s ({:.0} s CPU), file {:.2} GB, of it scanned {:.2} GB",
        build.0,
        build.1,
        file * 1e-9,
        scanned * 1e-9
    );

    let planted: Vec<Planted> = (0..args.queries as u64)
        .map(|i| Planted::new(&codes, &blocks, per_block, i))
        .collect::<Result<_, _>>()?;
    let (answers, mut line) = search(&index, &planted)?;
    memory.ended("search");
    let checked = planted.len().min(CHECKED);
    let equal = check(&codes, &blocks, per_block, &planted[..checked], &answers);

    drop(index);
    memory.ended("exhaustive search");
    let some = blocks
        .get(..blocks.len().min(FACTORED_ROWS / per_block))
        .unwrap_or(&[]);
    let factored = factored::run(&codes, some, per_block, checked)?;
    outln!("factored    {factored}");
    memory.ended("both parts apart");
    let overhead = scanned / rows as f64 - codes.dim as f64;
    let seconds = line["query_cpu_ms"].as_f64().unwrap_or_default() * 1e-3;
    let projected = project(rows as f64, area, overhead, seconds / scanned);
    let (peak, phases) = memory.finish();
    outln!("memory      {peak:.2} GB resident at the peak of all");
    let phases: serde_json::Map<String, serde_json::Value> = phases
        .iter()
        .map(|p| (p.name.to_owned(), json!([p.resident, p.anonymous])))
        .collect();
    let more = json!({
        "rows": rows, "dim": codes.dim, "area_km2": area, "kappa": codes.kappa, "noise": codes.noise,
        "build_s": build.0, "build_cpu_s": build.1, "open_s": open.0,
        "file_gb": file * 1e-9, "scanned_gb": scanned * 1e-9,
        "peak_rss_gb": peak, "resident_and_anonymous_gb": phases,
        "checked": checked, "equal_to_exhaustive": equal,
        "factored": factored, "projection": projected,
    });
    line.extend(more.as_object().cloned().unwrap_or_default());
    outln!("{}", serde_json::Value::from(line));
    if equal < checked {
        return Err(format!("{} rankings differ from exhaustive search", checked - equal).into());
    }
    Ok(Ending::Whole)
}

/// Searches one by one, then all together; answers the hits, and what was measured.
fn search(
    index: &FlatIndex,
    planted: &[Planted],
) -> Result<(Vec<Hits>, serde_json::Map<String, serde_json::Value>), Failure> {
    let query = |p: &Planted| Query::new(&p.vector).k(RANKS);
    let asked: Vec<Query> = planted.iter().map(query).collect();
    let alone = asked.get(..asked.len().min(20)).unwrap_or(&[]);
    // The first search reads the codes from the disk.
    let clock = Clock::start();
    index.search(asked.first().ok_or("no queries")?)?;
    let first = clock.read();
    let clock = Clock::start();
    for query in alone {
        index.search(query)?;
    }
    let single = clock.read().1 / alone.len().max(1) as f64;
    let clock = Clock::start();
    let answers: Vec<Hits> = index.search_batch(&asked)?;
    let each = clock.read().1 / asked.len() as f64;
    let exact = answers.iter().filter(|hits| hits.exact).count();
    let found = recall(&answers, planted);
    outln!(
        "search      first {:.2} s, then {:.1} ms CPU alone, {:.1} ms CPU in a batch of {}; {exact} exact",
        first.0,
        1e3 * single,
        1e3 * each,
        asked.len()
    );
    outln!("recall      {found}");
    let measured = json!({
        "first_query_s": first.0, "query_cpu_ms": 1e3 * single, "batch_query_cpu_ms": 1e3 * each,
        "queries": asked.len(), "exact": exact, "recall": found,
    });
    Ok((answers, measured.as_object().cloned().unwrap_or_default()))
}

/// How many of the first answers are those of scoring every row.
fn check(
    codes: &Codes,
    blocks: &[CellId],
    per_block: usize,
    planted: &[Planted],
    answers: &[Hits],
) -> usize {
    let clock = Clock::start();
    let vectors: Vec<Vec<f32>> = planted.iter().map(|p| p.vector.clone()).collect();
    let rankings = exhaustive::rank(codes, blocks, per_block, &vectors);
    let pairs = answers.iter().zip(&rankings);
    let equal = pairs
        .filter(|(hits, ranking)| exhaustive::same(&hits.hits, ranking))
        .count();
    let (checked, cpu) = (planted.len(), clock.read().1);
    outln!("exhaustive  {equal} of {checked} rankings equal, {cpu:.0} s CPU");
    equal
}

/// Streams all rows into an index file; resumes a run of the same settings that was killed.
fn build(codes: &Codes, blocks: &[CellId], per_block: usize, path: &Path) -> Result<(), Failure> {
    if path.exists() {
        outln!(
            "            {} is there already and is built anew",
            path.display()
        );
    }
    // What makes the codes: a build that was begun with anything else is refused.
    let (first, last) = (blocks.first(), blocks.last());
    let name = format!("{codes:?} {} blocks, {first:?} to {last:?}", blocks.len());
    let mut builder = IndexBuilder::open_for(path, codes.dim, IndexKind::Flat, &name)?;
    let done = builder.rows();
    if done > 0 {
        outln!("            resumed after row {done}");
    }
    let (first, mut skip) = (done / per_block, done % per_block);
    for some in blocks.get(first..).unwrap_or(&[]).chunks(TOGETHER) {
        let rows: Vec<Vec<f32>> = some
            .par_iter()
            .map(|&block| codes.block(block).fused(codes.dim, codes.kappa))
            .collect();
        for (&block, rows) in some.iter().zip(rows) {
            let places: Vec<Place> = descendants(block, codes.aerial)
                .skip(skip)
                .map(|cell| Place {
                    location: cell.center(),
                    cell: Some(cell),
                })
                .collect();
            let rows = rows.get(skip * codes.dim..).unwrap_or(&[]);
            builder.add(&Rows::new(rows).with_places(&places))?;
            skip = 0;
        }
    }
    Ok(builder.finish(|stage| outln!("            {stage:?}"))?)
}

/// What larger tables take: bytes a row are the dimension, plus what was measured beside the codes
/// (`overhead`), plus 4 bytes a dimension for the rows on the disk; time goes with the bytes scanned.
fn project(rows: f64, area: f64, overhead: f64, seconds_per_byte: f64) -> serde_json::Value {
    let mut out = serde_json::Map::new();
    let europe = rows * EUROPE_KM2 / area;
    for (name, rows, dim) in [
        ("same_1024d", rows, 1024.0),
        ("europe_128d", europe, 128.0),
        ("europe_1024d", europe, 1024.0),
    ] {
        let scanned = rows * (dim + overhead);
        let disk = scanned + rows * (4.0 * dim + 24.0);
        outln!(
            "projection  {name}: {rows:.3e} rows x ({dim} + {overhead:.1}) B = {:.1} GB scanned, \
             {:.0} GB on disk, {:.2} s CPU a query",
            scanned * 1e-9,
            disk * 1e-9,
            scanned * seconds_per_byte
        );
        out.insert(
            name.to_owned(),
            json!({
                "rows": rows, "scanned_gb": scanned * 1e-9, "disk_gb": disk * 1e-9,
                "query_cpu_s": scanned * seconds_per_byte,
            }),
        );
    }
    out.into()
}
