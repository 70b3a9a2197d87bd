//! Files whose checksums are right and whose contents are not: refused, or read without a panic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

mod forge;

use std::path::Path;

use forge::{Change, exercise, forge, numbers_named, originals, section_named};
use geoloc_geo_cells::LatLng;
use geoloc_retrieval::{FlatIndex, IvfIndex, Query, Rows, StoreError, VectorIndex, VectorIndexMut};
use proptest::prelude::*;

fn write(path: &Path, original: &[u8], changes: &[Change]) {
    std::fs::write(path, forge(original, changes).unwrap()).unwrap();
}

fn refused<T>(opened: &Result<T, StoreError>) -> bool {
    matches!(opened, Err(StoreError::Inconsistent { .. }))
}

#[test]
fn unchanged_contents_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forged");
    for original in originals(folder.path()).unwrap() {
        write(&path, &original, &[]);
        assert!(exercise(&path));
    }
}

/// Rows outside of all lists would be missed by a search that calls itself exact.
#[test]
fn lists_hold_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forged");
    let int8 = &originals(folder.path()).unwrap()[1];
    write(&path, int8, &[]);
    let index = IvfIndex::open(&path).unwrap();
    let all = Query::new(&[0.1; 5]).k(100).probes(usize::MAX);
    let hits = index.search(&all).unwrap();
    assert!(hits.exact && hits.hits.len() == index.len());
    // The first list of the last segment begins one tile late.
    let starts = section_named(int8, "starts").unwrap();
    write(&path, int8, &[Change::Bytes(starts, 0, 1 | 1 << 32)]);
    assert!(refused(&IvfIndex::open(&path)));
}

#[test]
fn numbers_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forged");
    let originals = originals(folder.path()).unwrap();
    let (flat, lists) = (&originals[0], &originals[1]);
    // The first is that of the settings.
    let count = numbers_named(lists, "lists")[1];
    for value in [u64::MAX, u64::MAX / 5, 1 << 62, 1 << 59, 5, 0] {
        write(&path, lists, &[Change::Number(count, value)]);
        assert!(refused(&IvfIndex::open(&path)), "{value} lists");
    }
    for original in [flat, lists] {
        // The 39 rows left of the first segment have places, the 8 of the second have none.
        let [first, second] = numbers_named(original, "unplaced")[..] else {
            panic!("two segments");
        };
        for (at, value) in [(first, 40), (first, u64::MAX), (second, 7), (second, 9)] {
            write(&path, original, &[Change::Number(at, value)]);
            let refused = refused(&FlatIndex::open(&path)) || refused(&IvfIndex::open(&path));
            assert!(refused, "{value} without a place");
        }
    }
}

/// Whether as many rows have no place as the file says cannot be told without reading all of them.
#[test]
fn rows_without_a_place_may_be_more_than_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forged");
    let mut index = FlatIndex::new(1).unwrap();
    let place = [LatLng::new(1.0, 2.0).unwrap().into()];
    index.add(&Rows::new(&[1.0]).with_places(&place)).unwrap();
    index.add(&Rows::new(&[2.0, 3.0])).unwrap();
    index.save(&path).unwrap();
    let original = std::fs::read(&path).unwrap();
    let unplaced = numbers_named(&original, "unplaced")[0];
    write(&path, &original, &[Change::Number(unplaced, 1)]);
    let mut index = FlatIndex::open(&path).unwrap();
    assert_eq!(index.remove(&[1, 2]).unwrap(), 2);
    assert_eq!(index.search(&Query::new(&[1.0])).unwrap().ids(), [0]);
}

fn value() -> impl Strategy<Value = u64> {
    let nan = u64::from(f32::NAN.to_bits());
    let odd = vec![
        0,
        1,
        u64::from(u32::MAX),
        1 << 32,
        1 << 59,
        1 << 62,
        1 << 63,
        u64::MAX,
        u64::MAX / 5,
        nan << 32 | nan,
        u64::from(f32::MAX.to_bits()),
    ];
    prop_oneof![prop::sample::select(odd), 0..200u64, any::<u64>()]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => (any::<u16>(), value()).prop_map(|(at, value)| Change::Number(at, value)),
        3 => (any::<u8>(), any::<u32>(), value())
            .prop_map(|(section, at, value)| Change::Bytes(section, at, value)),
        1 => any::<u8>().prop_map(Change::Without),
    ]
}

/// Changes that stop nobody must be among those tried, or the code behind the checks is not reached.
#[test]
fn forged_files_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forged");
    let originals = originals(folder.path()).unwrap();
    let config = ProptestConfig {
        cases: 1500,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let cases = (0..originals.len(), prop::collection::vec(change(), 1..4));
    let (tried, read) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let outcome = runner.run(&cases, |(kind, changes)| {
        write(&path, &originals[kind], &changes);
        tried.set(tried.get() + 1);
        read.set(read.get() + usize::from(exercise(&path)));
        Ok(())
    });
    outcome.unwrap();
    let (tried, read) = (tried.get(), read.get());
    println!("{read} of {tried} forged files were opened");
    assert!(read > tried / 5 && read < tried);
}
