use geoloc_geo_cells::{CellId, LatLng, Level};

use super::{CalibrationError, KappaSearch, calibrate_kappa};
use crate::{FusedIndex, FusedTable, Hit, Place};

/// Two cells, `n` queries. Query i belongs to cell 0 and scores `0.5 + shift_i` less there by the
/// aerial part, but 0.25 more by the prototype: it is right from `κ = 2 + 4 shift_i` on. Another
/// `m` queries belong to cell 1, are right by the aerial part by 1, and wrong from κ = 4 on.
fn table() -> (FusedTable, Vec<Vec<f32>>, Vec<u64>) {
    let level = Level::new(5).unwrap();
    let cells = [10.0, 40.0].map(|lng| {
        let leaf = CellId::from_lat_lng(LatLng::new(0.0, lng).unwrap());
        leaf.parent(level).unwrap()
    });
    let places = cells.map(|cell| Place::from(cell.center()).with_cell());
    let parents = cells.map(|cell| cell.parent(Level::new(4).unwrap()).unwrap());
    // First coordinate: aerial evidence for cell 1; second: prototype evidence for cell 0.
    let aerial = [0.0, 0.0, 1.0, 0.0];
    let prototypes = [0.0, 1.0, 0.0, 0.0];
    let table = FusedTable::new(2, (&parents, &prototypes), (&places, &aerial)).unwrap();
    let mut queries = Vec::new();
    let mut truth = Vec::new();
    for i in 0..10 {
        queries.push(vec![0.5 + 0.01 * i as f32, 0.25]);
        truth.push(0);
    }
    for _ in 0..5 {
        queries.push(vec![1.0, 0.25]);
        truth.push(1);
    }
    (table, queries, truth)
}

#[test]
fn finds_the_plateau_where_both_kinds_of_query_are_right() {
    let (table, queries, truth) = table();
    let index = FusedIndex::new(&table).unwrap();
    let queries: Vec<&[f32]> = queries.iter().map(Vec::as_slice).collect();
    let right = |i: usize, hit: &Hit| hit.id == truth[i];
    let found = calibrate_kappa(&index, &queries, right, &KappaSearch::default()).unwrap();
    // The last of the first ten turns right at κ = 2.36, the others wrong at κ = 4.
    assert!((found.best.recall - 1.0).abs() < 1e-12, "{found:?}");
    assert!((2.36..=4.0).contains(&found.best.kappa), "{found:?}");
    let first = &found.curve[0];
    assert_eq!(first.kappa.to_bits(), 0f64.to_bits());
    assert!((first.recall - 5.0 / 15.0).abs() < 1e-12);
    assert!((first.reciprocal_rank - (5.0 + 10.0 / 2.0) / 15.0).abs() < 1e-12);
    assert!(found.curve.is_sorted_by(|a, b| a.kappa <= b.kappa));
}

#[test]
fn a_useless_prototype_gets_no_weight() {
    let (table, queries, _) = table();
    let index = FusedIndex::new(&table).unwrap();
    let queries: Vec<&[f32]> = queries.iter().map(Vec::as_slice).collect();
    // Cell 1 is always right: aerial codes alone are perfect.
    let right = |_: usize, hit: &Hit| hit.id == 1;
    let found = calibrate_kappa(&index, &queries, right, &KappaSearch::default()).unwrap();
    assert!((found.best.recall - 1.0).abs() < 1e-12);
    assert!(found.best.kappa < 2.0);
}

#[test]
fn bad_input_is_named() {
    let (table, queries, _) = table();
    let index = FusedIndex::new(&table).unwrap();
    let right = |_: usize, _: &Hit| true;
    let none = calibrate_kappa(&index, &[], right, &KappaSearch::default());
    assert!(matches!(none, Err(CalibrationError::NoQueries)));
    let queries: Vec<&[f32]> = queries.iter().map(Vec::as_slice).collect();
    for (smallest, largest) in [(0.0, 1.0), (2.0, 1.0), (1.0, f64::NAN)] {
        let grid = KappaSearch {
            smallest,
            largest,
            ..KappaSearch::default()
        };
        let found = calibrate_kappa(&index, &queries, right, &grid);
        assert!(matches!(found, Err(CalibrationError::Grid { .. })));
    }
    let short: [&[f32]; 1] = [&[1.0]];
    let found = calibrate_kappa(&index, &short, right, &KappaSearch::default());
    assert!(matches!(found, Err(CalibrationError::Search { .. })));
}
