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

use adversary::{data, places, prior, regions};
use geoloc_retrieval::{
    AddError, BruteForce, EngineError, EngineFailure, PgConfig, PgIndex, PgSearch, Query, Region,
    Rows, SearchError, VectorIndex, VectorIndexMut,
};
use postgres::{Client, NoTls};

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
        assert_eq!(index.count(), Ok(n - 2));
    }
    for row in vectors.chunks_exact(DIM).step_by(29) {
        let query = Query::new(row).k(9);
        let mut queries = vec![
            query.clone(),
            query.clone().k(n + 5),
            query.clone().diversity_radius_km(800.0),
            query.clone().distinct_cells(),
            query.clone().and(row).weights(&[0.5, -2.0]),
            query.clone().region(Region::cells(&[])),
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
        let refused = index.search(&query.prior(prior(4), 1.0));
        assert!(matches!(refused, Err(SearchError::Unsupported { .. })));
    }
    let all = index.search(&Query::new(&vectors[..DIM]).k(n)).unwrap();
    assert!(all.exact && all.reranked == n - 2);
    let some = index.search(&Query::new(&vectors[..DIM]).k(5)).unwrap();
    assert!(!some.exact);
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
    let mut absent = good.clone();
    absent.url = absent.url.trim_end_matches("/postgres").to_owned() + "/nothing";
    let failed = PgIndex::open(absent, DIM);
    assert!(matches!(failed, Err(AddError::Engine(e)) if e.failure == EngineFailure::Refused));
    let mut malformed = good;
    malformed.url = "no url".to_owned();
    let failed = PgIndex::open(malformed, DIM);
    assert!(matches!(failed, Err(AddError::Engine(e)) if e.failure == EngineFailure::Refused));
}

fn how<T>(answer: &Result<T, SearchError>) -> Option<EngineFailure> {
    match answer {
        Err(SearchError::Engine(EngineError { failure, .. })) => Some(*failure),
        _ => None,
    }
}

/// Holds a lock on the table, so that statements wait.
#[test]
fn slow_statements_are_given_up() {
    let Some(mut config) = config("geoloc_slow") else {
        return;
    };
    // Long enough for setting up on a busy machine.
    config.statement_timeout = Duration::from_secs(4);
    let mut index = fresh(config.clone());
    index.add(&Rows::new(&data(1, 4, DIM, &[9]))).unwrap();
    let mut other = Client::connect(&config.url, NoTls).unwrap();
    let mut transaction = other.transaction().unwrap();
    transaction
        .batch_execute("LOCK TABLE geoloc_slow IN ACCESS EXCLUSIVE MODE")
        .unwrap();
    let query = Query::new(&[1.0; DIM]);
    assert_eq!(how(&index.search(&query)), Some(EngineFailure::TimedOut));
    transaction.rollback().unwrap();
    assert_eq!(index.search(&query).unwrap().hits.len(), 4);
    index.drop_table().unwrap();
}

/// Ends the connections of the test that loses them.
fn cut(server: &str) {
    let mut client = Client::connect(server, NoTls).unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE application_name = 'geoloc_lost'";
    assert!(!client.query(end, &[]).unwrap().is_empty());
}

#[test]
fn lost_connections_are_made_anew() {
    let Some(mut config) = config("geoloc_lost") else {
        return;
    };
    let server = config.url.clone();
    config.url += "?application_name=geoloc_lost";
    let mut index = fresh(config.clone());
    index.add(&Rows::new(&data(1, 4, DIM, &[9]))).unwrap();
    let query = Query::new(&[1.0; DIM]);
    cut(&server);
    assert_eq!(index.search(&query).unwrap().hits.len(), 4);
    // Adding is not tried twice, but finds the connection closed before it begins, or says that it was.
    cut(&server);
    let rows = data(2, 1, DIM, &[9]);
    let added = index.add(&Rows::new(&rows).with_ids(&[9]));
    if let Err(AddError::Engine(error)) = &added {
        assert_eq!(error.failure, EngineFailure::Unreachable);
        index.add(&Rows::new(&rows).with_ids(&[9])).unwrap();
    }
    assert_eq!(index.count(), Ok(5));
    index.drop_table().unwrap();
    config.retries = 0;
    let index = fresh(config.clone());
    cut(&server);
    // Without retries, the first search may fail, the second does not.
    let first = index.search(&query);
    assert!(first.is_ok() || how(&first) == Some(EngineFailure::Unreachable));
    assert!(index.search(&query).is_ok());
    index.drop_table().unwrap();
}

#[test]
fn loads_are_all_or_nothing() {
    let Some(config) = config("geoloc_load") else {
        return;
    };
    let mut index = fresh(config);
    let vectors = data(1, 5000, DIM, &[9]);
    let ids: Vec<u64> = (0..5000).rev().collect();
    index.add(&Rows::new(&vectors).with_ids(&ids)).unwrap();
    let mut twice: Vec<u64> = (5000..10_000).collect();
    twice[4999] = 17;
    let failed = index.add(&Rows::new(&vectors).with_ids(&twice));
    assert_eq!(failed, Err(AddError::DuplicateId { id: 17 }));
    assert_eq!(index.count(), Ok(5000));
    let large = index.add(&Rows::new(&vectors[..DIM]).with_ids(&[1 << 63]));
    assert!(matches!(large, Err(AddError::Engine(e)) if e.failure == EngineFailure::Refused));
    let nan = index.add(&Rows::new(&[f32::NAN; DIM]));
    assert!(matches!(nan, Err(AddError::Vector(_))));
    assert_eq!(index.count(), Ok(5000));
    index.drop_table().unwrap();
}

/// Two programs that open a table at once both find it.
#[test]
fn tables_are_made_once() {
    let Some(config) = config("geoloc_once") else {
        return;
    };
    fresh(config.clone()).drop_table().unwrap();
    let opened: Vec<bool> = std::thread::scope(|scope| {
        let open = || PgIndex::open(config.clone(), DIM).is_ok();
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(opened, [true; 6]);
    PgIndex::open(config, DIM).unwrap().drop_table().unwrap();
}
