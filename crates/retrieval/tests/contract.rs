//! What every index promises about odd input.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use geoloc_geo_cells::{CellId, LatLng};
use geoloc_retrieval::{
    AddError, BruteForce, FlatIndex, Place, Query, Region, Rows, SearchError, VectorError,
    VectorIndexMut,
};

fn engines() -> Vec<Box<dyn VectorIndexMut>> {
    vec![
        Box::new(BruteForce::new(2).unwrap()),
        Box::new(FlatIndex::new(2).unwrap()),
    ]
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
        assert!(index.is_empty());
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
        assert_eq!(index.len(), 1);
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
