//! The graph index against brute force.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod adversary;
mod forge;

use adversary::{Rng, data, places, prior, regions};
use geoloc_retrieval::{
    AddError, BruteForce, FlatIndex, GraphPrecision, Hits, HnswConfig, HnswIndex, Query, Rows,
    SearchError, StoreError, StoredIndex, VectorIndex, VectorIndexMut,
};

const DIM: usize = 24;
const N: usize = 4000;

fn config(precision: GraphPrecision) -> HnswConfig {
    HnswConfig {
        precision,
        ..HnswConfig::default()
    }
}

/// Rows around 50 centres, normalised.
fn clustered(seed: u64, n: usize) -> Vec<f32> {
    let mut rng = Rng(seed);
    let centres: Vec<f32> = (0..50 * DIM).map(|_| rng.unit()).collect();
    let mut out = Vec::with_capacity(n * DIM);
    for _ in 0..n {
        let at = rng.below(50) * DIM;
        let row: Vec<f32> = centres[at..at + DIM]
            .iter()
            .map(|c| c + 0.5 * rng.unit())
            .collect();
        let norm = row.iter().map(|v| v * v).sum::<f32>().sqrt();
        out.extend(row.iter().map(|v| v / norm));
    }
    out
}

fn pair(precision: GraphPrecision, vectors: &[f32]) -> (BruteForce, HnswIndex) {
    let mut brute = BruteForce::new(DIM).unwrap();
    let mut index = HnswIndex::new(DIM, config(precision)).unwrap();
    let places = places(2, vectors.len() / DIM);
    for index in [&mut brute as &mut dyn VectorIndexMut, &mut index] {
        let rows = Rows::new(vectors).with_places(&places);
        index.add(&rows).unwrap();
        index.seal().unwrap();
    }
    (brute, index)
}

/// The part of the true best ten that is found, over queries beside the rows.
fn recall(brute: &dyn VectorIndex, index: &dyn VectorIndex, rerank: usize) -> f64 {
    let (mut found, mut total) = (0, 0);
    for row in clustered(77, 100).chunks_exact(DIM) {
        let query = Query::new(row).rerank(rerank);
        let (got, expected) = (index.search(&query).unwrap(), brute.search(&query).unwrap());
        assert!(!got.exact && got.reranked >= 10);
        // Scores are those of every other index.
        for hit in &got.hits {
            let same = expected.hits.iter().find(|h| h.id == hit.id);
            assert!(same.is_none_or(|same| same == hit));
        }
        let ids = expected.ids();
        found += got.ids().iter().filter(|id| ids.contains(id)).count();
        total += ids.len();
    }
    found as f64 / total as f64
}

#[test]
fn recall_grows_with_the_candidates() {
    let vectors = clustered(1, N);
    for precision in [GraphPrecision::F32, GraphPrecision::Bf16] {
        let (brute, index) = pair(precision, &vectors);
        let (few, many) = (recall(&brute, &index, 10), recall(&brute, &index, 200));
        assert!(
            many >= 0.99 && many >= few && few > 0.6,
            "{precision:?}: {few} {many}"
        );
        let bytes = index.graph_bytes() / N;
        assert!(bytes > 2 * DIM, "{bytes} bytes a row");
    }
}

#[test]
fn regions_and_priors_are_exact() {
    let vectors = clustered(1, N);
    let (brute, index) = pair(GraphPrecision::Bf16, &vectors);
    for row in vectors.chunks_exact(DIM).step_by(500) {
        let query = Query::new(row).k(7);
        let mut queries = vec![query.clone().prior(prior(4), 0.5)];
        let regions = regions(3, &places(2, N)).into_iter();
        queries.extend(regions.map(|r| query.clone().region(r)));
        for query in queries {
            let got = index.search(&query).unwrap();
            assert!(got.exact);
            assert_eq!(got.hits, brute.search(&query).unwrap().hits);
        }
        let distinct = index.search(&query.diversity_radius_km(2000.0)).unwrap();
        assert!(distinct.hits.len() == 7 && !distinct.exact);
    }
}

#[test]
fn rows_come_and_go() {
    let vectors = clustered(1, N);
    let (mut brute, mut index) = pair(GraphPrecision::Bf16, &vectors);
    let more = clustered(5, 300);
    let gone: Vec<u64> = (0..N as u64).step_by(2).collect();
    for index in [&mut brute as &mut dyn VectorIndexMut, &mut index] {
        assert_eq!(index.remove(&gone).unwrap(), N / 2);
        let rows = Rows::new(&more);
        index.add(&rows).unwrap();
        // A removed id may be used again.
        index.add(&Rows::new(&more[..DIM]).with_ids(&[0])).unwrap();
        let again = index.add(&Rows::new(&more[..DIM]).with_ids(&[1]));
        assert_eq!(again, Err(AddError::DuplicateId { id: 1 }));
        assert_eq!(index.count(), Ok(N / 2 + 301));
    }
    // Not sealed, sealed as a second segment, and made anew.
    assert!(recall(&brute, &index, 200) >= 0.99);
    index.seal().unwrap();
    assert!(recall(&brute, &index, 200) >= 0.99);
    index.rebuild().unwrap();
    assert!(recall(&brute, &index, 200) >= 0.99);
    let unplaced = index.search(&Query::new(&more[..DIM]).distinct_cells());
    assert_eq!(unplaced, Err(SearchError::NoPlaces));
    let all = index
        .search(&Query::new(&more[..DIM]).k(usize::MAX))
        .unwrap();
    assert!(all.hits.len() == index.len() && all.exact);
}

#[test]
fn empty_odd_and_hostile() {
    let mut index = HnswIndex::new(DIM, HnswConfig::default()).unwrap();
    let zero = vec![0.0; DIM];
    assert!(index.search(&Query::new(&zero)).unwrap().hits.is_empty());
    assert_eq!(
        index.search(&Query::new(&zero).k(0)),
        Err(SearchError::ZeroK)
    );
    index.seal().unwrap();
    index.rebuild().unwrap();
    let wrong = HnswIndex::new(0, HnswConfig::default()).unwrap_err();
    assert_eq!(wrong, AddError::Dim { dim: 0 });
    // Duplicates, zeros and huge norms are no neighbours for a graph, but must not stop it.
    index
        .add(&Rows::new(&data(9, 500, DIM, &[0, 1, 2, 3, 4, 5, 9])))
        .unwrap();
    index.seal().unwrap();
    let hits = index
        .search(&Query::new(&data(8, 1, DIM, &[9])).k(20))
        .unwrap();
    assert_eq!(hits.hits.len(), 20);
    assert!(hits.scores().is_sorted_by(|a, b| a >= b));
}

/// More callers than the library has room for.
#[test]
fn many_threads_search_at_once() {
    let vectors = clustered(1, N);
    let (_, index) = pair(GraphPrecision::Bf16, &vectors);
    let alone: Vec<Hits> = vectors
        .chunks_exact(DIM)
        .step_by(40)
        .map(|row| index.search(&Query::new(row)).unwrap())
        .collect();
    std::thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| {
                for (row, alone) in vectors.chunks_exact(DIM).step_by(40).zip(&alone) {
                    assert_eq!(index.search(&Query::new(row)).as_ref(), Ok(alone));
                }
            });
        }
    });
}

#[test]
fn files_hold_rows_and_graph() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("places.index");
    let vectors = clustered(1, N);
    let (_, index) = pair(GraphPrecision::Bf16, &vectors);
    let mut index = index.with_embedding("a model");
    index.remove(&[3, 5]).unwrap();
    index.save(&path).unwrap();
    let mut opened = HnswIndex::open(&path).unwrap();
    assert_eq!((opened.len(), opened.dim()), (N - 2, DIM));
    assert_eq!(opened.embedding(), Some("a model"));
    assert_eq!(opened.config(), index.config());
    opened.verify().unwrap();
    let stored = StoredIndex::open(&path).unwrap();
    assert_eq!(stored.embedding(), Some("a model"));
    for row in vectors.chunks_exact(DIM).step_by(100) {
        let query = Query::new(row);
        let expected = index.search(&query).unwrap();
        assert_eq!(opened.search(&query).unwrap(), expected);
        assert_eq!(stored.search(&query).unwrap(), expected);
    }
    // An opened index takes more rows, and is saved over its own file.
    let more = clustered(5, 50);
    opened.add(&Rows::new(&more)).unwrap();
    opened.save(&path).unwrap();
    let opened = HnswIndex::open(&path).unwrap();
    let hits = opened.search(&Query::new(&more[..DIM]).k(1)).unwrap();
    assert_eq!(hits.ids(), [N as u64]);
    let flat = FlatIndex::open(&path).unwrap_err();
    assert!(matches!(
        flat,
        StoreError::Kind {
            expected: "flat",
            ..
        }
    ));
}

#[test]
fn damage_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("places.index");
    let (_, mut index) = pair(GraphPrecision::Bf16, &clustered(1, 500));
    index.save(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let mut refused = 0;
    for at in (8192..whole.len()).step_by(1531) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&path, &bytes).unwrap();
        // What is read at once is refused at once, the rest when it is checked; padding is no matter.
        let checked = HnswIndex::open(&path).and_then(|index| index.verify());
        if let Err(error) = checked {
            assert!(error.to_string().contains("places.index"), "{error}");
            refused += 1;
        }
    }
    assert!(refused > 30, "{refused}");
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(HnswIndex::open(&path).is_err());
}

/// With right checksums, what the library would believe unseen.
#[test]
fn a_graph_of_another_shape_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("places.index");
    let (_, mut index) = pair(GraphPrecision::Bf16, &clustered(1, 200));
    index.save(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let graph = forge::section_named(&whole, "graph").unwrap();
    // Number of vectors, and bytes of each.
    for (nodes, width, refused) in [
        (200, 2 * DIM as u64, false),
        (200, 2 * DIM as u64 - 1, true),
        (200, 4 * DIM as u64, true),
        (199, 2 * DIM as u64, true),
        (u64::from(u32::MAX), 2 * DIM as u64, true),
        (0, 0, true),
    ] {
        let change = forge::Change::Bytes(graph, 0, nodes | width << 32);
        std::fs::write(&path, forge::forge(&whole, &[change]).unwrap()).unwrap();
        let opened = HnswIndex::open(&path);
        assert_eq!(opened.is_err(), refused, "{nodes} vectors of {width} bytes");
        assert!(
            opened.is_ok_and(|index| index.len() == 200)
                || matches!(
                    StoredIndex::open(&path),
                    Err(StoreError::Inconsistent { .. })
                )
        );
    }
}
