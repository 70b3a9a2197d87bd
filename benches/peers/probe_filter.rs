//! A region of 1 % of the rows, exact, beside a graph of usearch with a predicate: the Python package of
//! usearch cannot filter, its Rust crate can.
//!
//! ```text
//! cargo run --release -p geoloc-retrieval --features usearch-simd --example filter_probe -- FOLDER [ROWS]
//! ```
//!
//! Reads what `data.py` wrote to FOLDER, of it the first ROWS rows, and prints one JSON object for each
//! number of candidates of the graph (see `search.py`). CPU seconds of one thread, the library and the
//! graph by turns, minimum of three rounds; recall is the share of the exact scores that were reached.

#![allow(clippy::print_stdout, reason = "the lines are the result")]

use std::path::Path;

use geoloc_geo_cells::{CellId, LatLng, Level};
use geoloc_retrieval::{FlatIndex, Hits, Place, Query, Region, Rows, VectorIndex, VectorIndexMut};
use rustix::time::{ClockId, clock_gettime};
use usearch::{Index, IndexOptions, MetricKind, ScalarKind};

type Failure = Box<dyn std::error::Error>;

/// Rows of an answer, queries, and the share of rows kept.
const K: usize = 10;
const QUERIES: usize = 64;
const KEPT: u64 = 10;
const OF: u64 = 1000;

fn cpu(clock: ClockId) -> f64 {
    let t = clock_gettime(clock);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

fn floats(path: &Path) -> Result<Vec<f32>, Failure> {
    let bytes = std::fs::read(path)?;
    let values = bytes.as_chunks::<4>().0;
    Ok(values.iter().map(|v| f32::from_le_bytes(*v)).collect())
}

/// Row i in one of a thousand places, by i modulo 1000: places that know nothing of vectors.
fn place_of(i: u64) -> Result<Place, Failure> {
    let (a, b) = ((i % OF) as f64, (i / OF) as f64);
    Ok(LatLng::new(-60.0 + 0.12 * a + 1e-7 * b, -170.0 + 0.34 * a)?.into())
}

fn main() -> Result<(), Failure> {
    let mut given = std::env::args().skip(1);
    let folder = given.next().ok_or("a folder is needed")?;
    let folder = Path::new(&folder);
    let meta = std::fs::read_to_string(folder.join("meta.txt"))?;
    let numbers: Vec<usize> = meta
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let [all, dim, _] = numbers[..] else {
        return Err("meta.txt has three numbers".into());
    };
    let n = given.next().map_or(Ok(all), |rows| rows.parse())?.min(all);
    let mut base = floats(&folder.join("base.f32"))?;
    base.truncate(n * dim);
    let queries = floats(&folder.join("query.f32"))?;

    let places: Vec<Place> = (0..n as u64).map(place_of).collect::<Result<_, _>>()?;
    let mut flat = FlatIndex::new(dim)?;
    flat.add(&Rows::new(&base).with_places(&places))?;
    flat.seal()?;
    let level = Level::new(12)?;
    let cells: Vec<CellId> = places
        .iter()
        .take(KEPT as usize)
        .filter_map(|place| place.cell?.parent(level))
        .collect();
    let region = Region::cells(&cells);
    let kept = places.iter().filter(|place| region.contains(place)).count();
    let asked: Vec<Query> = queries
        .chunks_exact(dim)
        .take(QUERIES)
        .map(|q| Query::new(q).k(K).region(region.clone()))
        .collect();

    let graph = Index::new(&IndexOptions {
        dimensions: dim,
        metric: MetricKind::IP,
        quantization: ScalarKind::F32,
        connectivity: 16,
        expansion_add: 128,
        expansion_search: 64,
        multi: false,
    })?;
    graph.reserve(n)?;
    let start = cpu(ClockId::ProcessCPUTime);
    for (key, row) in base.chunks_exact(dim).enumerate() {
        graph.add(key as u64, row)?;
    }
    let build = cpu(ClockId::ProcessCPUTime) - start;
    eprintln!(
        "graph of {n} rows in {build:.0} s CPU, kernels: {}",
        graph.hardware_acceleration()
    );

    for candidates in [64, 256, 1024] {
        graph.change_expansion_search(candidates);
        let (mut ours, mut theirs, mut reached) = (f64::MAX, f64::MAX, 0);
        for _ in 0..3 {
            let start = cpu(ClockId::ThreadCPUTime);
            let answers: Vec<Hits> = asked
                .iter()
                .map(|query| flat.search(query))
                .collect::<Result<_, _>>()?;
            let middle = cpu(ClockId::ThreadCPUTime);
            let mut found = Vec::with_capacity(asked.len());
            for query in queries.chunks_exact(dim).take(QUERIES) {
                found.push(graph.filtered_search(query, K, |key| key % OF < KEPT)?);
            }
            let end = cpu(ClockId::ThreadCPUTime);
            ours = ours.min((middle - start) / asked.len() as f64);
            theirs = theirs.min((end - middle) / asked.len() as f64);
            reached = 0;
            for (exact, graph) in answers.iter().zip(&found) {
                let last = exact.hits.last().map_or(f32::INFINITY, |hit| hit.score);
                let near = |distance: &&f32| 1.0 - **distance >= last - 1e-5;
                reached += graph.distances.iter().filter(near).count();
            }
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let ratio = theirs / ours;
        let recall = reached as f64 / (K * asked.len()) as f64;
        println!(
            "{{\"measure\": \"{name}: region of {kept} of {n} rows, exact\", \"ours\": {ours:.9}, \
             \"peer\": {theirs:.9}, \"peer_name\": \"usearch ef{candidates} with predicate\", \
             \"ratio\": {ratio:.3}, \"recall\": 1.0, \"target\": 50.0, \"holds\": {}, \
             \"peer_recall\": {recall:.4}, \"peer_build\": {build:.1}, \"peer_kernels\": \"{}\"}}",
            ratio >= 50.0,
            graph.hardware_acceleration()
        );
    }
    Ok(())
}
