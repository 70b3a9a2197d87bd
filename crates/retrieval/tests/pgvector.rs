//! The `PostgreSQL` engine against a real server; skipped where none is given.
//!
//! `scripts/pgvector.sh` starts one and runs this.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop, and says why it is skipped"
)]

mod adversary;

use std::time::Duration;

use adversary::{data, places, regions};
use geoloc_retrieval::{
    AddError, BruteForce, EngineFailure, PgConfig, PgIndex, PgSearch, Query, Rows, SearchError,
    VectorIndex, VectorIndexMut,
};

const DIM: usize = 16;

fn config(table: &str) -> Option<PgConfig> {
    let url = std::env::var("GEOLOC_PGVECTOR_URL");
    if url.is_err() {
        println!("skipped: GEOLOC_PGVECTOR_URL names no server (scripts/pgvector.sh starts one)");
    }
    Some(PgConfig::new(&url.ok()?, table))
}

fn fresh(config: PgConfig) -> PgIndex {
    PgIndex::open(config.clone(), DIM)
        .unwrap()
        .drop_table()
        .unwrap();
    PgIndex::open(config, DIM).unwrap()
}

#[test]
fn a_scan_answers_as_brute_force_does() {
    let Some(config) = config("geoloc_scan") else {
        return;
    };
    let n = 600;
    let (vectors, places) = (data(1, n, DIM, &[9]), places(2, n));
    let mut brute = BruteForce::new(DIM).unwrap();
    let mut index = fresh(config.clone());
    for index in [&mut brute as &mut dyn VectorIndexMut, &mut index] {
        index
            .add(&Rows::new(&vectors).with_places(&places))
            .unwrap();
        index.seal().unwrap();
        assert_eq!(index.remove(&[4, 5, 5000]).unwrap(), 2);
        assert_eq!(index.len(), n - 2);
    }
    for row in vectors.chunks_exact(DIM).step_by(29) {
        let query = Query::new(row).k(9);
        let mut queries = vec![
            query.clone(),
            query.clone().k(n + 5),
            query.clone().diversity_radius_km(800.0),
            query.clone().distinct_cells(),
        ];
        queries.extend(
            regions(3, &places)
                .into_iter()
                .map(|r| query.clone().region(r)),
        );
        for query in queries {
            let got = index.search(&query).unwrap();
            assert_eq!(got.hits, brute.search(&query).unwrap().hits);
        }
    }
    let again = index.add(&Rows::new(&vectors[..DIM]).with_ids(&[77]));
    assert_eq!(again, Err(AddError::DuplicateId { id: 77 }));
    // Numbering goes on, also after opening the table anew.
    let mut index = PgIndex::open(config.clone(), DIM).unwrap();
    index.add(&Rows::new(&vectors[..DIM])).unwrap();
    assert!(
        index
            .search(&Query::new(&vectors[..DIM]).k(n))
            .unwrap()
            .ids()
            .contains(&600)
    );
    let unplaced = index.search(&Query::new(&vectors[..DIM]).distinct_cells());
    assert_eq!(unplaced, Err(SearchError::NoPlaces));
    let other = PgIndex::open(config, DIM + 1);
    assert!(matches!(other, Err(AddError::Engine(e)) if e.failure == EngineFailure::Refused));
    index.drop_table().unwrap();
}

#[test]
fn a_graph_finds_most() {
    let Some(mut config) = config("geoloc_hnsw") else {
        return;
    };
    config.search = PgSearch::Hnsw {
        m: 16,
        ef_construction: 64,
        ef_search: 100,
    };
    let n = 2000;
    let vectors = data(5, n, DIM, &[9]);
    let mut brute = BruteForce::new(DIM).unwrap();
    let mut index = fresh(config);
    for index in [&mut brute as &mut dyn VectorIndexMut, &mut index] {
        index.add(&Rows::new(&vectors)).unwrap();
        index.seal().unwrap();
    }
    let (mut found, mut total) = (0, 0);
    for row in vectors.chunks_exact(DIM).step_by(20) {
        let query = Query::new(row).k(10);
        let got = index.search(&query).unwrap();
        assert!(!got.exact);
        let expected = brute.search(&query).unwrap().ids();
        found += got.ids().iter().filter(|id| expected.contains(id)).count();
        total += 10;
    }
    println!(
        "recall@10 of the graph: {:.3}",
        f64::from(found as u32) / f64::from(total)
    );
    assert!(found * 10 > total as usize * 9);
    index.drop_table().unwrap();
}

#[test]
fn what_goes_wrong_is_told_apart() {
    let Some(good) = config("geoloc_wrong") else {
        return;
    };
    let mut nowhere = good.clone();
    nowhere.url = "postgresql://postgres@127.0.0.1:1/postgres".to_owned();
    nowhere.connect_timeout = Duration::from_millis(300);
    let failed = PgIndex::open(nowhere, DIM);
    assert!(matches!(failed, Err(AddError::Engine(e)) if e.failure == EngineFailure::Unreachable));
    let mut named = good.clone();
    named.table = "x; DROP TABLE y".to_owned();
    let failed = PgIndex::open(named, DIM);
    assert!(matches!(failed, Err(AddError::Engine(e)) if e.failure == EngineFailure::Refused));
    let index = fresh(good.clone());
    let mut slow = good;
    slow.statement_timeout = Duration::from_millis(1);
    // Either the timeout strikes, or the machine is fast.
    if let Err(AddError::Engine(e)) = PgIndex::open(slow, DIM) {
        assert_eq!(e.failure, EngineFailure::TimedOut);
    }
    index.drop_table().unwrap();
}
