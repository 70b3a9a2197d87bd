//! A build passes over its files without keeping them resident. A test binary of its own: it reads the
//! peak of the whole process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use geoloc_geo_cells::LatLng;
use geoloc_retrieval::{FlatIndex, IndexBuilder, IndexKind, IvfConfig, IvfIndex, Place, Rows};

const DIM: usize = 256;
const ROWS: usize = 300_000;

/// Megabytes resident at the peak so far.
fn peak() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.unwrap().parse::<usize>().unwrap() / 1024
}

fn build(path: &std::path::Path, kind: IndexKind) {
    let mut builder = IndexBuilder::open(path, DIM, kind).unwrap();
    let together = 1000;
    for start in (0..ROWS).step_by(together) {
        let value = |i: usize| ((start * DIM + i) as f32 * 0.618).fract() - 0.5;
        let vectors: Vec<f32> = (0..together * DIM).map(value).collect();
        // Far from the order that rows are sorted into.
        let place = |i: usize| -> Place {
            let at = ((start + i) * 7919 % ROWS) as f64 / ROWS as f64;
            LatLng::new(160.0 * at - 80.0, 340.0 * at - 170.0)
                .unwrap()
                .into()
        };
        let places: Vec<Place> = (0..together).map(place).collect();
        builder
            .add(&Rows::new(&vectors).with_places(&places))
            .unwrap();
    }
    builder.finish(|_| {}).unwrap();
}

#[test]
fn files_do_not_stay_resident() {
    let folder = tempfile::tempdir().unwrap();
    let flat = folder.path().join("flat.index");
    build(&flat, IndexKind::Flat);
    let lists = folder.path().join("lists.index");
    let config = IvfConfig {
        lists: Some(64),
        sample_per_list: 100,
        ..IvfConfig::default()
    };
    build(&lists, IndexKind::Ivf(config));
    // Before anything reads the files whole: 307 MB of vectors, read once and written once in each build.
    let peak = peak();
    let vectors = ROWS * DIM * 4 / 1_000_000;
    assert!(
        peak < vectors / 2,
        "{peak} MB resident, {vectors} MB of vectors"
    );
    FlatIndex::open(&flat).unwrap().verify().unwrap();
    IvfIndex::open(&lists).unwrap().verify().unwrap();
}
