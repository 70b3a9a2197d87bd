//! Shards together answer what one index answers.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod adversary;

use std::sync::Arc;

use adversary::{data, places, regions};
use geoloc_geo_cells::CellId;
use geoloc_retrieval::{
    BruteForce, FlatIndex, Hits, Query, Rows, SearchError, Shard, Sharded, VectorIndex,
    VectorIndexMut,
};

#[test]
fn shards_by_face_answer_as_one() {
    let (n, dim) = (1500, 20);
    let (vectors, places) = (data(1, n, dim, &[0, 1, 3, 9, 9]), places(2, n));
    let mut brute = BruteForce::new(dim).unwrap();
    brute
        .add(&Rows::new(&vectors).with_places(&places))
        .unwrap();
    let shards: Vec<Shard> = CellId::faces()
        .into_iter()
        .map(|face| {
            let mut index = FlatIndex::new(dim).unwrap();
            for (i, place) in places
                .iter()
                .enumerate()
                .filter(|(_, p)| face.contains(p.cell.unwrap()))
            {
                let rows = Rows::new(&vectors[i * dim..(i + 1) * dim]);
                index
                    .add(&rows.with_ids(&[i as u64]).with_places(&[*place]))
                    .unwrap();
            }
            index.seal().unwrap();
            Shard {
                index: Arc::new(index),
                range: Some((face, face)),
            }
        })
        .collect();
    let sharded = Sharded::new(shards).unwrap();
    assert_eq!((sharded.dim(), sharded.count()), (dim, Ok(n)));
    for row in vectors.chunks_exact(dim).step_by(50) {
        let query = Query::new(row).k(12);
        let mut queries = vec![
            query.clone(),
            query.clone().k(n),
            query.clone().diversity_radius_km(1500.0),
            query.clone().distinct_cells(),
        ];
        queries.extend(
            regions(3, &places)
                .into_iter()
                .map(|r| query.clone().region(r)),
        );
        let together = sharded.search_batch(&queries).unwrap();
        assert_eq!(together.len(), queries.len());
        for (query, together) in queries.iter().zip(together) {
            let (got, expected) = (sharded.search(query).unwrap(), brute.search(query).unwrap());
            assert!(got.exact && together.exact);
            assert_eq!(got.hits, expected.hits);
            assert_eq!(together.hits, expected.hits);
        }
    }
}

/// An engine that is always down.
#[derive(Debug)]
struct Down;

impl VectorIndex for Down {
    fn dim(&self) -> usize {
        2
    }
    fn count(&self) -> Result<usize, SearchError> {
        Err(SearchError::Unsupported {
            engine: "down",
            feature: "counting",
        })
    }
    fn search(&self, _: &Query) -> Result<Hits, SearchError> {
        Err(SearchError::Unsupported {
            engine: "down",
            feature: "anything",
        })
    }
}

#[test]
fn a_failing_shard_is_named() {
    let mut up = FlatIndex::new(2).unwrap();
    up.add(&Rows::new(&[1.0, 0.0])).unwrap();
    let face = |f| Some((CellId::from_face(f).unwrap(), CellId::from_face(f).unwrap()));
    let shard = |index: Arc<dyn VectorIndex>, f| Shard {
        index,
        range: face(f),
    };
    let sharded = Sharded::new(vec![shard(Arc::new(up), 0), shard(Arc::new(Down), 1)]).unwrap();
    let failed = sharded.search(&Query::new(&[1.0, 0.0]));
    assert!(matches!(failed, Err(SearchError::Shard { shard: 1, .. })));
    let counted = sharded.count();
    assert!(matches!(counted, Err(SearchError::Shard { shard: 1, .. })));
    // An engine behind the index fails for all queries; a malformed query only for itself.
    let queries = [Query::new(&[1.0, 0.0]), Query::new(&[f32::NAN, 0.0])];
    let each = sharded.search_each(&queries);
    assert!(matches!(each[0], Err(SearchError::Shard { shard: 1, .. })));
    assert!(matches!(each[1], Err(SearchError::Vector(_))));
    assert!(Sharded::new(Vec::new()).is_err());
}

/// An engine that counts the calls it gets.
#[derive(Debug)]
struct Counted {
    index: FlatIndex,
    calls: [std::sync::atomic::AtomicUsize; 2],
}

impl Counted {
    fn calls(&self) -> [usize; 2] {
        let of = |n: usize| self.calls[n].load(std::sync::atomic::Ordering::SeqCst);
        [of(0), of(1)]
    }
    fn count(&self, kind: usize) {
        self.calls[kind].fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

impl VectorIndex for Counted {
    fn dim(&self) -> usize {
        self.index.dim()
    }
    fn count(&self) -> Result<usize, SearchError> {
        self.index.count()
    }
    fn search(&self, query: &Query) -> Result<Hits, SearchError> {
        self.count(0);
        self.index.search(query)
    }
    fn search_batch(&self, queries: &[Query]) -> Result<Vec<Hits>, SearchError> {
        self.count(1);
        self.index.search_batch(queries)
    }
}

#[test]
fn a_batch_reaches_each_shard_once() {
    let counted: Vec<Arc<Counted>> = (0..2u64)
        .map(|shard| {
            let mut index = FlatIndex::new(2).unwrap();
            let rows: Vec<f32> = (0..20).map(|i| (i as f32 + shard as f32).cos()).collect();
            let ids: Vec<u64> = (0..10).map(|i| 2 * i + shard).collect();
            index.add(&Rows::new(&rows).with_ids(&ids)).unwrap();
            index.seal().unwrap();
            Arc::new(Counted {
                index,
                calls: Default::default(),
            })
        })
        .collect();
    let shards = counted.iter().map(|index| Shard {
        index: Arc::clone(index) as Arc<dyn VectorIndex>,
        range: None,
    });
    let sharded = Sharded::new(shards.collect()).unwrap();
    let queries: Vec<Query> = (1..30)
        .map(|k| Query::new(&[k as f32, -1.0]).k(k))
        .collect();
    let together = sharded.search_batch(&queries).unwrap();
    for index in &counted {
        assert_eq!(index.calls(), [0, 1]);
    }
    for (query, together) in queries.iter().zip(&together) {
        assert_eq!(sharded.search(query).as_ref(), Ok(together));
    }
    let wrong = sharded.search_batch(&[Query::new(&[1.0, 0.0]), Query::new(&[1.0])]);
    let Err(SearchError::InBatch { query: 1, source }) = wrong else {
        panic!("{wrong:?}");
    };
    assert!(matches!(*source, SearchError::Vector(_)));
}

/// No region would reach the rows of such a shard, and the answers would be called exact.
#[test]
fn a_range_that_ends_before_it_begins_is_refused() {
    let face = |f: u8| CellId::from_face(f).unwrap();
    let shard = |first, last| {
        let index = FlatIndex::new(2).unwrap();
        Shard {
            index: Arc::new(index),
            range: Some((first, last)),
        }
    };
    let right = vec![shard(face(0), face(2)), shard(face(3), face(3))];
    assert!(Sharded::new(right).is_ok());
    let wrong = Sharded::new(vec![shard(face(0), face(0)), shard(face(2), face(1))]);
    assert!(matches!(
        wrong,
        Err(SearchError::Range { shard: 1, first, last }) if first == face(2) && last == face(1)
    ));
}
