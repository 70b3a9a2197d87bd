//! The Qdrant engine against a server in this process that stands in for the real one: real gRPC, the
//! rules of Qdrant that matter here, and faults on demand.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

mod adversary;
#[allow(
    clippy::default_trait_access,
    clippy::wildcard_imports,
    unreachable_pub,
    reason = "a stand-in for a server may stop"
)]
mod qdrant_stub;

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use adversary::{data, places, prior, regions};
use geoloc_geo_cells::CellId;
use geoloc_retrieval::{
    AddError, BruteForce, EngineError, EngineFailure, QdrantConfig, QdrantIndex, QdrantSearch,
    Query, Region, Rows, SearchError, VectorIndex, VectorIndexMut,
};
use qdrant_stub::Stub;

const DIM: usize = 12;

fn config(stub: &Stub) -> QdrantConfig {
    let mut config = QdrantConfig::new(&stub.url(), "places");
    config.batch = 64;
    config.timeout = Duration::from_secs(20);
    config
}

fn failure(error: AddError) -> EngineFailure {
    match error {
        AddError::Engine(EngineError { failure, .. }) => failure,
        other => panic!("{other}"),
    }
}

#[test]
fn a_scan_answers_as_brute_force_does() {
    let stub = Stub::start();
    let n = 500;
    let (vectors, places) = (data(1, n, DIM, &[9]), places(2, n));
    let mut brute = BruteForce::new(DIM).unwrap();
    let mut index = QdrantIndex::open(config(&stub), DIM).unwrap();
    for index in [&mut brute as &mut dyn VectorIndexMut, &mut index] {
        index
            .add(&Rows::new(&vectors).with_places(&places))
            .unwrap();
        index.seal().unwrap();
        assert_eq!(index.remove(&[4, 5, 5, 5000]).unwrap(), 2);
        assert_eq!((index.count(), index.dim()), (Ok(n - 2), DIM));
    }
    assert_eq!(stub.faults().calls("upsert"), n.div_ceil(64));
    for row in vectors.chunks_exact(DIM).step_by(29) {
        let query = Query::new(row).k(9);
        let mut queries = vec![
            query.clone(),
            query.clone().k(n + 5),
            query.clone().k(usize::MAX),
            query.clone().diversity_radius_km(800.0),
            query.clone().distinct_cells(),
            query.clone().and(row).weights(&[0.5, -2.0]),
            query.clone().region(Region::cells(&[])),
        ];
        let regions = regions(3, &places).into_iter();
        queries.extend(regions.map(|r| query.clone().region(r)));
        for query in queries {
            let (got, expected) = (index.search(&query), brute.search(&query).unwrap());
            assert_eq!(got.unwrap().hits, expected.hits);
        }
        let refused = index.search(&query.clone().prior(prior(4), 1.0));
        assert!(matches!(refused, Err(SearchError::Unsupported { .. })));
    }
    let all = index.search(&Query::new(&vectors[..DIM]).k(n)).unwrap();
    assert!(all.exact && all.reranked == n - 2);
    let some = index.search(&Query::new(&vectors[..DIM]).k(5)).unwrap();
    assert!(!some.exact);
}

/// Leaf cells next to each other differ in bits for which an f64 has no room.
#[test]
fn neighbouring_leaf_cells_are_told_apart() {
    let stub = Stub::start();
    let mut index = QdrantIndex::open(config(&stub), 2).unwrap();
    let face = CellId::from_face(5).unwrap();
    let leaves: Vec<CellId> = (0..40)
        .map(|i| CellId::try_from(face.range_min().raw() + 2 * i).unwrap())
        .collect();
    let places: Vec<_> = leaves
        .iter()
        .map(|&cell| geoloc_retrieval::Place {
            location: cell.center(),
            cell: Some(cell),
        })
        .collect();
    let vectors = [1.0, 0.0].repeat(40);
    index
        .add(&Rows::new(&vectors).with_places(&places))
        .unwrap();
    let region = Region::cells(&leaves[7..9]);
    let hits = index.search(&Query::new(&[1.0, 0.0]).k(30).region(region));
    assert_eq!(hits.unwrap().ids(), [7, 8]);
}

#[test]
fn ids_are_unique_and_number_on() {
    let stub = Stub::start();
    let mut index = QdrantIndex::open(config(&stub), 2).unwrap();
    index.add(&Rows::new(&[1.0, 0.0]).with_ids(&[41])).unwrap();
    let two = [1.0, 0.0, 0.0, 1.0];
    let again = index.add(&Rows::new(&two).with_ids(&[7, 41]));
    assert_eq!(again, Err(AddError::DuplicateId { id: 41 }));
    let twice = index.add(&Rows::new(&two).with_ids(&[7, 7]));
    assert_eq!(twice, Err(AddError::DuplicateId { id: 7 }));
    assert_eq!(index.count(), Ok(1));
    // Also after opening the collection anew.
    let mut index = QdrantIndex::open(config(&stub), 2).unwrap();
    assert_eq!(stub.faults().calls("create"), 1);
    index.add(&Rows::new(&[0.0, 1.0])).unwrap();
    let query = Query::new(&[0.0, 1.0]);
    assert_eq!(index.search(&query).unwrap().ids(), [42, 41]);
    assert_eq!(
        index.search(&query.clone().distinct_cells()),
        Err(SearchError::NoPlaces)
    );
    // Ids have 64 bits, and above the largest there are none.
    let largest = Rows::new(&[0.0, 2.0]);
    index.add(&largest.with_ids(&[u64::MAX - 1])).unwrap();
    index.add(&largest).unwrap();
    assert_eq!(
        index.search(&query).unwrap().ids()[..2],
        [u64::MAX - 1, u64::MAX]
    );
    assert_eq!(
        failure(index.add(&Rows::new(&two)).unwrap_err()),
        EngineFailure::Refused
    );
    let nan = index.add(&Rows::new(&[f32::NAN, 0.0]));
    assert!(matches!(nan, Err(AddError::Vector(_))));
    index.drop_collection().unwrap();
    assert_eq!(stub.faults().calls("drop"), 1);
}

#[test]
fn what_is_there_must_fit() {
    let stub = Stub::start();
    QdrantIndex::open(config(&stub), 4).unwrap();
    let other = QdrantIndex::open(config(&stub), 5).unwrap_err();
    assert!(other.to_string().contains("4 columns"), "{other}");
    assert_eq!(failure(other), EngineFailure::Refused);
    let none = QdrantIndex::open(config(&stub), 0);
    assert_eq!(none.unwrap_err(), AddError::Dim { dim: 0 });
}

#[test]
fn a_failed_load_leaves_nothing() {
    let stub = Stub::start();
    let mut index = QdrantIndex::open(config(&stub), DIM).unwrap();
    let vectors = data(1, 300, DIM, &[9]);
    index.add(&Rows::new(&vectors[..10 * DIM])).unwrap();
    // The third batch of the five that follow.
    stub.faults().failing_upsert.store(4, SeqCst);
    let failed = index.add(&Rows::new(&vectors)).unwrap_err();
    assert!(failed.to_string().contains("no space"), "{failed}");
    assert_eq!(failure(failed), EngineFailure::Refused);
    assert_eq!(index.count(), Ok(10));
    index.add(&Rows::new(&vectors)).unwrap();
    assert_eq!(index.count(), Ok(310));
    // An update that the server has only taken note of is none.
    stub.faults().lagging.store(1, SeqCst);
    let failed = index.add(&Rows::new(&vectors[..DIM])).unwrap_err();
    assert_eq!(failure(failed), EngineFailure::TimedOut);
    assert_eq!(index.count(), Ok(310));
}

#[test]
fn lost_connections_are_made_anew() {
    let mut stub = Stub::start();
    let mut index = QdrantIndex::open(config(&stub), 2).unwrap();
    index.add(&Rows::new(&[1.0, 0.0, 0.0, 1.0])).unwrap();
    let query = Query::new(&[0.0, 1.0]);
    // The client itself tries twice; two more tries are the library's.
    stub.faults().unavailable.store(3, SeqCst);
    assert_eq!(index.search(&query).unwrap().ids(), [1, 0]);
    assert_eq!(stub.faults().calls("query"), 4);
    stub.faults().unavailable.store(3, SeqCst);
    index.add(&Rows::new(&[0.0, 3.0])).unwrap();
    assert_eq!(index.count(), Ok(3));
    let mut impatient = config(&stub);
    impatient.retries = 0;
    let once = QdrantIndex::open(impatient, 2).unwrap();
    stub.faults().unavailable.store(2, SeqCst);
    let failed = once.search(&query);
    assert!(
        matches!(&failed, Err(SearchError::Engine(e)) if e.failure == EngineFailure::Unreachable)
    );
    // The server goes, and comes back.
    stub.stop();
    let failed = once.search(&query);
    assert!(
        matches!(&failed, Err(SearchError::Engine(e)) if e.failure == EngineFailure::Unreachable),
        "{failed:?}"
    );
    stub.resume();
    assert_eq!(index.search(&query).unwrap().ids(), [2, 1, 0]);
    assert_eq!(once.search(&query).unwrap().ids(), [2, 1, 0]);
}

#[test]
fn nobody_there() {
    let stub = Stub::start();
    let mut config = config(&stub);
    drop(stub);
    config.connect_timeout = Duration::from_millis(300);
    let failed = QdrantIndex::open(config.clone(), 2).unwrap_err();
    assert_eq!(failure(failed), EngineFailure::Unreachable);
    config.url = "not an address".to_owned();
    let failed = QdrantIndex::open(config, 2).unwrap_err();
    assert_eq!(failure(failed), EngineFailure::Refused);
}

#[test]
fn slow_answers_are_given_up() {
    let stub = Stub::start();
    let mut config = config(&stub);
    // Long enough for setting up on a busy machine.
    config.timeout = Duration::from_secs(3);
    let index = QdrantIndex::open(config, 2).unwrap();
    stub.faults().delay_ms.store(60_000, SeqCst);
    let started = Instant::now();
    let failed = index.search(&Query::new(&[1.0, 0.0]));
    assert!(matches!(&failed, Err(SearchError::Engine(e)) if e.failure == EngineFailure::TimedOut));
    assert!(started.elapsed() < Duration::from_secs(40));
}

#[test]
fn a_graph_is_waited_for_and_not_exact() {
    let stub = Stub::start();
    let mut config = config(&stub);
    config.search = QdrantSearch::Hnsw {
        m: 16,
        ef_construct: 100,
        ef_search: 64,
    };
    let mut index = QdrantIndex::open(config.clone(), 2).unwrap();
    index.add(&Rows::new(&[1.0, 0.0, 0.0, 1.0])).unwrap();
    let before = stub.faults().calls("info");
    stub.faults().building.store(3, SeqCst);
    index.seal().unwrap();
    assert_eq!(stub.faults().calls("info"), before + 4);
    let hits = index.search(&Query::new(&[1.0, 0.0])).unwrap();
    assert!(hits.ids() == [0, 1] && !hits.exact);
    config.seal_timeout = Duration::from_millis(50);
    let mut index = QdrantIndex::open(config, 2).unwrap();
    stub.faults().building.store(1_000, SeqCst);
    assert_eq!(failure(index.seal().unwrap_err()), EngineFailure::TimedOut);
}

/// A program that is asynchronous itself may call, and drop, an index.
#[test]
fn calls_work_inside_a_runtime() {
    let stub = Stub::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut index = QdrantIndex::open(config(&stub), 2).unwrap();
        index.add(&Rows::new(&[1.0, 0.0])).unwrap();
        assert_eq!(index.search(&Query::new(&[1.0, 0.0])).unwrap().ids(), [0]);
        drop(index);
    });
}
