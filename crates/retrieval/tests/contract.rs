//! What every index promises about odd input.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use std::sync::Arc;

use geoloc_geo_cells::{CellId, LatLng};
use geoloc_retrieval::{
    AddError, BruteForce, FlatIndex, FusedIndex, FusedTable, IvfConfig, IvfIndex, ListCodes, Place,
    Query, Region, Rows, SearchError, Shard, Sharded, VectorError, VectorIndex, VectorIndexMut,
};

/// Engines that take rows, set to exact answers where they have settings.
fn engines() -> Vec<Box<dyn VectorIndexMut>> {
    let every_list = IvfConfig {
        codes: ListCodes::Int8,
        probes: usize::MAX,
        ..IvfConfig::default()
    };
    vec![
        Box::new(BruteForce::new(2).unwrap()),
        Box::new(FlatIndex::new(2).unwrap()),
        Box::new(IvfIndex::new(2, every_list).unwrap()),
        #[cfg(feature = "usearch")]
        Box::new(
            geoloc_retrieval::HnswIndex::new(2, geoloc_retrieval::HnswConfig::default()).unwrap(),
        ),
    ]
}

/// Engines of all kinds over the same rows, numbered from 0.
fn filled(vectors: &[f32], places: &[Place]) -> Vec<Box<dyn VectorIndex>> {
    let mut out: Vec<Box<dyn VectorIndex>> = Vec::new();
    for mut index in engines() {
        index.add(&Rows::new(vectors).with_places(places)).unwrap();
        index.seal().unwrap();
        out.push(index);
    }
    let table = FusedTable::new(2, (&[], &[]), (places, vectors)).unwrap();
    out.push(Box::new(FusedIndex::new(&table).unwrap()));
    // One row after another to three shards, of which each may have rows anywhere.
    let mut shards = [(); 3].map(|()| FlatIndex::new(2).unwrap());
    for (i, (row, place)) in vectors.chunks_exact(2).zip(places).enumerate() {
        let (id, place) = ([i as u64], [*place]);
        let rows = Rows::new(row).with_ids(&id).with_places(&place);
        shards[i % 3].add(&rows).unwrap();
    }
    let shards = shards.into_iter().map(|index| Shard {
        index: Arc::new(index),
        range: None,
    });
    out.push(Box::new(Sharded::new(shards.collect()).unwrap()));
    out
}

fn point(lat: f64, lng: f64) -> Place {
    LatLng::new(lat, lng).unwrap().into()
}

/// The answer to one query, alone and among others of a batch.
fn both(index: &dyn VectorIndex, query: &Query) -> Result<geoloc_retrieval::Hits, SearchError> {
    let alone = index.search(query);
    let three = [query.clone(), query.clone(), query.clone()];
    match (&alone, index.search_batch(&three)) {
        (Ok(alone), Ok(together)) => {
            assert_eq!(together.len(), 3);
            for hits in together {
                assert_eq!(
                    (&hits.hits, hits.exact),
                    (&alone.hits, alone.exact),
                    "{index:?}"
                );
            }
        }
        // As text: a NaN is not equal to itself. An error of a shard names the query inside.
        (Err(alone), Err(together)) => {
            let together = together
                .to_string()
                .replacen("query 0 (counted from 0): ", "", 1);
            assert_eq!(alone.to_string(), together);
        }
        (alone, together) => panic!("{index:?}: {alone:?} alone, {together:?} together"),
    }
    alone
}

#[test]
fn odd_queries_are_refused_by_all() {
    let places = [point(1.0, 2.0), point(-3.0, 4.0)];
    for places in [&places[..0], &places[..]] {
        let vectors = &[1.0, 0.0, 0.0, 1.0][..2 * places.len()];
        for index in filled(vectors, places) {
            let index = index.as_ref();
            for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let failed = both(index, &Query::new(&[0.0, value]));
                let Err(SearchError::Vector(VectorError::NotFinite { row, column, .. })) = failed
                else {
                    panic!("{index:?}: {failed:?}");
                };
                assert_eq!((row, column), (0, 1));
            }
            for wrong in [&[][..], &[1.0], &[1.0; 3]] {
                let failed = both(index, &Query::new(wrong));
                let shape = VectorError::Shape {
                    dim: 2,
                    values: wrong.len(),
                };
                assert_eq!(failed, Err(SearchError::Vector(shape)), "{index:?}");
            }
            let failed = both(index, &Query::new(&[1e30, 0.0]));
            assert!(
                matches!(
                    failed,
                    Err(SearchError::Vector(VectorError::NormTooLarge { .. }))
                ),
                "{index:?}"
            );
            let query = Query::new(&[1.0, 0.0]);
            assert_eq!(both(index, &query.clone().k(0)), Err(SearchError::ZeroK));
            for km in [f64::NAN, f64::INFINITY, -1.0] {
                let failed = both(index, &query.clone().diversity_radius_km(km));
                assert!(
                    matches!(failed, Err(SearchError::Parameter { .. })),
                    "{index:?}"
                );
            }
            let failed = match both(index, &query.weights(&[1.0, 2.0, 3.0])) {
                Err(SearchError::Shard { source, .. }) => Err(*source),
                other => other,
            };
            assert!(
                matches!(
                    failed,
                    Err(SearchError::Count {
                        what: "weights",
                        given: 3,
                        ..
                    })
                ),
                "{index:?}: {failed:?}"
            );
        }
    }
}

/// A malformed query among others is named by its number, and the others are answered.
#[test]
fn a_bad_query_costs_no_other() {
    let places = [point(1.0, 2.0), point(-3.0, 4.0)];
    let good = Query::new(&[1.0, 0.5]);
    let region = good.clone().region(Region::cells(&[]));
    let nan = Query::new(&[0.0, f32::NAN]);
    for index in filled(&[1.0, 0.0, 0.0, 1.0], &places) {
        let index = index.as_ref();
        let alone = index.search(&good).unwrap();
        for bad in [nan.clone(), Query::new(&[1.0]), good.clone().k(0)] {
            let queries = [
                good.clone(),
                region.clone(),
                good.clone(),
                bad,
                good.clone(),
            ];
            let failed = index.search_batch(&queries);
            assert!(
                matches!(failed, Err(SearchError::InBatch { query: 3, .. })),
                "{index:?}: {failed:?}"
            );
            let each = index.search_each(&queries);
            assert_eq!(each.len(), 5);
            for (number, answer) in each.iter().enumerate() {
                match (number, answer) {
                    (1, Ok(hits)) => assert!(hits.hits.is_empty()),
                    (3, Err(_)) => {}
                    (_, Ok(hits)) => assert_eq!(hits.hits, alone.hits),
                    (_, Err(e)) => panic!("{index:?}: {number}: {e}"),
                }
            }
        }
        // Malformed in a way that only the engine notices.
        let queries = [good.clone(), good.clone().weights(&[1.0, 2.0, 3.0])];
        let failed = index.search_batch(&queries).unwrap_err();
        assert!(
            failed.to_string().contains("query 1"),
            "{index:?}: {failed}"
        );
        let each = index.search_each(&queries);
        assert!(each[0].is_ok() && each[1].is_err(), "{index:?}");
    }
    // A row without a place, so that regions are refused.
    let mut index = FlatIndex::new(2).unwrap();
    index.add(&Rows::new(&[1.0, 0.0])).unwrap();
    let queries = [good.clone(), good.clone(), region];
    let failed = index.search_batch(&queries);
    assert!(matches!(failed, Err(SearchError::InBatch { query: 2, .. })));
    let each = index.search_each(&queries);
    assert!(each[0].is_ok() && each[1].is_ok());
    assert_eq!(each[2], Err(SearchError::NoPlaces));
}

#[test]
fn every_size_of_answer() {
    let places = [point(1.0, 2.0), point(-3.0, 4.0), point(50.0, 60.0)];
    let face = CellId::from_lat_lng(LatLng::new(-80.0, 0.0).unwrap())
        .parent(geoloc_geo_cells::Level::new(0).unwrap())
        .unwrap();
    for n in 0..=3 {
        let vectors = &[1.0, 0.0, 0.0, 1.0, -1.0, 0.0][..2 * n];
        for index in filled(vectors, &places[..n]) {
            let index = index.as_ref();
            assert_eq!((index.count(), index.dim()), (Ok(n), 2), "{index:?}");
            let query = Query::new(&[1.0, 0.5]);
            for k in [n.max(1), n + 1, 1000, usize::MAX] {
                for query in [
                    query.clone(),
                    query.clone().probes(usize::MAX).rerank(usize::MAX),
                    query.clone().rerank(0),
                    query.clone().distinct_cells(),
                    query.clone().diversity_radius_km(1.0),
                ] {
                    let hits = both(index, &query.k(k)).unwrap();
                    assert_eq!(hits.ids(), [0, 1, 2][..n], "{index:?}, k {k}");
                    assert!(hits.exact, "{index:?}, k {k}");
                }
            }
            // A region without rows, and one without ground.
            for region in [Region::cells(&[face]), Region::cells(&[])] {
                let hits = both(index, &query.clone().region(region)).unwrap();
                assert!(hits.hits.is_empty() && hits.exact, "{index:?}");
            }
            assert!(index.search_batch(&[]).unwrap().is_empty());
        }
    }
}

#[test]
fn equal_rows_rank_by_id_everywhere() {
    let vectors = [0.5f32, 0.5].repeat(40);
    let places: Vec<Place> = (0..40).map(|i| point(f64::from(i), -30.0)).collect();
    for index in filled(&vectors, &places) {
        let hits = both(index.as_ref(), &Query::new(&[1.0, 1.0]).k(3)).unwrap();
        assert_eq!(hits.ids(), [0, 1, 2], "{index:?}");
    }
}

/// The ids of a table end with the largest number; past it nothing is taken twice.
#[test]
fn the_largest_id_is_the_last() {
    for mut index in engines() {
        let row = Rows::new(&[0.0, 1.0]);
        index.add(&row.with_ids(&[u64::MAX - 1])).unwrap();
        index.seal().unwrap();
        for _ in 0..2 {
            index.add(&row).unwrap();
            index.seal().unwrap();
            let last = AddError::DuplicateId { id: u64::MAX };
            assert_eq!(index.add(&row), Err(last), "{index:?}");
            assert!(matches!(
                index.add(&Rows::new(&[0.0; 4])),
                Err(AddError::Full { .. })
            ));
            assert_eq!(index.count(), Ok(2));
            let hits = index.search(&Query::new(&[0.0, 1.0])).unwrap();
            assert_eq!(hits.ids(), [u64::MAX - 1, u64::MAX]);
            // A removed id may be used again.
            assert_eq!(index.remove(&[u64::MAX]).unwrap(), 1);
        }
    }
}

#[test]
fn malformed_vectors_are_refused() {
    for mut index in engines() {
        let nan = index.add(&Rows::new(&[1.0, 2.0, 3.0, f32::NAN]));
        assert!(matches!(
            nan,
            Err(AddError::Vector(VectorError::NotFinite {
                row: 1,
                column: 1,
                ..
            }))
        ));
        let short = index.add(&Rows::new(&[1.0, 2.0, 3.0]));
        assert!(matches!(
            short,
            Err(AddError::Vector(VectorError::Shape { dim: 2, values: 3 }))
        ));
        let huge = index.add(&Rows::new(&[1e30, 0.0]));
        assert!(matches!(
            huge,
            Err(AddError::Vector(VectorError::NormTooLarge { row: 0, .. }))
        ));
        assert_eq!(index.count(), Ok(0));
        let query = index.search(&Query::new(&[f32::INFINITY, 0.0]));
        assert!(matches!(
            query,
            Err(SearchError::Vector(VectorError::NotFinite {
                row: 0,
                column: 0,
                ..
            }))
        ));
        let query = index.search(&Query::new(&[0.0]));
        assert!(matches!(
            query,
            Err(SearchError::Vector(VectorError::Shape {
                dim: 2,
                values: 1
            }))
        ));
    }
}

#[test]
fn k_and_emptiness() {
    for mut index in engines() {
        assert_eq!(
            index.search(&Query::new(&[1.0, 0.0]).k(0)),
            Err(SearchError::ZeroK)
        );
        let none = index.search(&Query::new(&[1.0, 0.0])).unwrap();
        assert!(none.hits.is_empty() && none.exact);
        index.seal().unwrap();
        index.add(&Rows::new(&[1.0, 0.0, 0.0, 1.0])).unwrap();
        index.seal().unwrap();
        let all = index
            .search(&Query::new(&[1.0, 0.0]).k(usize::MAX))
            .unwrap();
        assert_eq!(all.ids(), [0, 1]);
    }
}

#[test]
fn ids_are_unique_and_number_on() {
    for mut index in engines() {
        index.add(&Rows::new(&[1.0, 0.0]).with_ids(&[41])).unwrap();
        index.seal().unwrap();
        let again = index.add(&Rows::new(&[1.0, 0.0, 0.0, 1.0]).with_ids(&[7, 41]));
        assert_eq!(again, Err(AddError::DuplicateId { id: 41 }));
        let twice = index.add(&Rows::new(&[1.0, 0.0, 0.0, 1.0]).with_ids(&[7, 7]));
        assert_eq!(twice, Err(AddError::DuplicateId { id: 7 }));
        assert_eq!(index.count(), Ok(1));
        index.add(&Rows::new(&[0.0, 1.0])).unwrap();
        assert_eq!(
            index.search(&Query::new(&[0.0, 1.0])).unwrap().ids(),
            [42, 41]
        );
        let count = index.add(&Rows::new(&[0.0, 1.0]).with_ids(&[]));
        assert!(matches!(
            count,
            Err(AddError::Count {
                what: "ids",
                vectors: 1,
                given: 0
            })
        ));
        assert_eq!(index.remove(&[41, 41, 99]).unwrap(), 1);
        assert_eq!(index.search(&Query::new(&[0.0, 1.0])).unwrap().ids(), [42]);
        // A removed id may be used again.
        index.add(&Rows::new(&[0.0, 2.0]).with_ids(&[41])).unwrap();
        assert_eq!(
            index.search(&Query::new(&[0.0, 1.0])).unwrap().ids(),
            [41, 42]
        );
    }
}

#[test]
fn ties_go_to_the_smaller_id() {
    for mut index in engines() {
        let same = [0.5f32, 0.5].repeat(40);
        let ids: Vec<u64> = (0..40).rev().collect();
        index.add(&Rows::new(&same).with_ids(&ids)).unwrap();
        index.seal().unwrap();
        let hits = index.search(&Query::new(&[1.0, 1.0]).k(3)).unwrap();
        assert_eq!(hits.ids(), [0, 1, 2]);
    }
}

#[test]
fn regions_need_places() {
    let face = |f: u8| CellId::from_face(f).unwrap();
    let region = Region::cells(&[face(2)]);
    for mut index in engines() {
        let place = Place {
            location: LatLng::new(1.0, 2.0).unwrap(),
            cell: Some(face(0)),
        };
        index
            .add(&Rows::new(&[1.0, 0.0]).with_places(&[place]))
            .unwrap();
        index.seal().unwrap();
        let query = Query::new(&[1.0, 0.0]);
        let outside = index.search(&query.clone().region(region.clone())).unwrap();
        assert!(outside.hits.is_empty() && outside.exact);
        let inside = index
            .search(&query.clone().region(Region::cells(&[face(0)])))
            .unwrap();
        assert_eq!(inside.ids(), [0]);
        assert_eq!(inside.hits[0].place, Some(place));
        index.add(&Rows::new(&[1.0, 0.0])).unwrap();
        index.seal().unwrap();
        let unplaced = index.search(&query.clone().region(region.clone()));
        assert_eq!(unplaced, Err(SearchError::NoPlaces));
        let radius = index.search(&query.clone().diversity_radius_km(f64::NAN));
        assert!(matches!(radius, Err(SearchError::Parameter { .. })));
    }
}

#[test]
fn several_views_are_summed() {
    for mut index in engines() {
        index.add(&Rows::new(&[1.0, 0.0, 0.0, 1.0])).unwrap();
        index.seal().unwrap();
        let query = Query::new(&[1.0, 0.0]).and(&[0.0, 1.0]);
        let hits = index.search(&query.clone().weights(&[0.25, 0.5])).unwrap();
        assert_eq!((hits.ids(), hits.scores()), (vec![1, 0], vec![0.5, 0.25]));
        let short = index.search(&query.weights(&[1.0]));
        assert!(matches!(
            short,
            Err(SearchError::Count {
                what: "weights",
                ..
            })
        ));
    }
}
