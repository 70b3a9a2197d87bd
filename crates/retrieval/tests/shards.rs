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
    assert_eq!((sharded.dim(), sharded.len()), (dim, n));
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
        for query in queries {
            let (got, expected) = (
                sharded.search(&query).unwrap(),
                brute.search(&query).unwrap(),
            );
            assert!(got.exact);
            assert_eq!(got.hits, expected.hits);
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
    fn len(&self) -> usize {
        0
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
    assert!(Sharded::new(Vec::new()).is_err());
}
