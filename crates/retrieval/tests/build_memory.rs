//! A build passes over its files without keeping them resident. A test binary of its own: it reads the
//! peak of the whole process. It writes about 380 MB.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use geoloc_geo_cells::LatLng;
use geoloc_retrieval::{FlatIndex, IndexBuilder, IndexKind, IvfConfig, IvfIndex, Place, Rows};

const DIM: usize = 256;

/// Megabytes resident at the peak so far.
fn peak() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.unwrap().parse::<f64>().unwrap() * 1024e-6
}

fn megabytes(rows: usize, bytes: usize) -> f64 {
    (rows * bytes) as f64 * 1e-6
}

fn build(path: &std::path::Path, kind: IndexKind, rows: usize) {
    let mut builder = IndexBuilder::open(path, DIM, kind).unwrap();
    let together = 1000;
    for start in (0..rows).step_by(together) {
        let value = |i: usize| ((start * DIM + i) as f32 * 0.618).fract() - 0.5;
        let vectors: Vec<f32> = (0..together * DIM).map(value).collect();
        // Far from the order that rows are sorted into.
        let place = |i: usize| -> Place {
            let at = ((start + i) * 7919 % rows) as f64 / rows as f64;
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

/// The program itself.
const PROGRAM: f64 = 12.0;
/// The windows that `IndexBuilder` documents: 64 MiB read and 16 MiB written.
const READ: f64 = 64.0 * 1.048_576;
const WRITTEN: f64 = 16.0 * 1.048_576;

/// While rows are written: the windows, 16 MiB of codes, and at most 100 bytes a row for sorting and for S2 ids,
/// ids and coordinates of source and target.
fn writing(rows: usize) -> f64 {
    PROGRAM + READ + 2.0 * WRITTEN + megabytes(rows, 100)
}

#[test]
fn files_do_not_stay_resident() {
    let folder = tempfile::tempdir().unwrap();
    // The smaller first: the peak only grows.
    let flat = folder.path().join("flat.index");
    let rows = 60_000;
    build(&flat, IndexKind::Flat, rows);
    // Read once and written once: twice the vectors, and their codes.
    let files = 2.25 * megabytes(rows, 4 * DIM);
    println!(
        "flat: {:.0} MB resident at the peak of {files:.0} MB of vectors and codes",
        peak()
    );
    assert!(peak() < writing(rows), "{} MB", peak());
    assert!(writing(rows) < files);
    FlatIndex::open(&flat).unwrap();

    let lists = folder.path().join("lists.index");
    let config = IvfConfig::default();
    let rows = 106_000;
    build(&lists, IndexKind::Ivf(config.clone()), rows);
    let count = IvfIndex::open(&lists).unwrap().lists();
    let sample = megabytes(count * config.sample_per_list, 4 * DIM);
    let files = 2.125 * megabytes(rows, 4 * DIM);
    println!(
        "lists: {:.0} MB, sample {sample:.0} MB, of {files:.0} MB",
        peak()
    );
    // The sample is copied out of the window that is read, before anything is written.
    let most = writing(rows).max(PROGRAM + READ + sample);
    assert!(peak() < most, "{} MB", peak());
    // With all of the source resident, or all that is written, it would be more.
    assert!(most < files / 2.125 + sample && most < files / 2.125 + PROGRAM + READ);
    // The files are read whole only now.
    FlatIndex::open(&flat).unwrap().verify().unwrap();
    IvfIndex::open(&lists).unwrap().verify().unwrap();
}
