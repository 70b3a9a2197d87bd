use super::*;
use crate::partition::BoxIndex;

fn place(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

fn points() -> Vec<LatLng> {
    (0..2000)
        .map(|k| {
            let t = f64::from(k);
            place(60.0 * (0.37 * t).sin(), 170.0 * (0.113 * t).sin())
        })
        .collect()
}

#[test]
fn every_point_is_in_its_box_and_counts_agree() {
    let config = QuadtreePartition {
        split_above: 50,
        max_depth: 6,
        ..Default::default()
    };
    let (partition, report) = config.build(&points()).unwrap();
    let Geometry::Boxes(boxes) = partition.geometry() else {
        panic!("a quadtree makes boxes");
    };
    let mut counts = vec![0; partition.len()];
    for p in points() {
        let class = partition.index_of(p).unwrap();
        assert!(boxes.boxes()[class].contains(p));
        counts[class] += 1;
    }
    assert_eq!(counts, partition.counts());
    assert_eq!(report.placed, 2000);
    assert!(counts.iter().all(|&n| n <= 50));
    assert!(report.oracle.unwrap().median_km > 0.0);
    let mut turned = points();
    turned.reverse();
    assert_eq!(
        config.build(&turned).unwrap().0.content_hash(),
        partition.content_hash()
    );
    assert_eq!(
        Partition::from_bytes(&partition.to_bytes()).unwrap(),
        partition
    );
}

#[test]
fn borders_belong_to_one_box_and_the_outside_to_none() {
    let config = QuadtreePartition {
        split_above: 1,
        max_depth: 1,
        ..Default::default()
    };
    let corners = [
        place(-10.0, -20.0),
        place(-10.0, 20.0),
        place(10.0, -20.0),
        place(10.0, 20.0),
    ];
    let (partition, _) = config.build(&corners).unwrap();
    assert_eq!(partition.len(), 4);
    // South-west, south-east, north-west, north-east; the middle is north-east.
    assert_eq!(partition.index_of(place(0.0, 0.0)), Some(3));
    assert_eq!(partition.index_of(place(-1e-9, 0.0)), Some(1));
    assert_eq!(partition.index_of(place(10.0, 20.0)), Some(3));
    assert_eq!(partition.index_of(place(10.0, 0.0)), Some(3));
    assert_eq!(partition.index_of(place(10.1, 0.0)), None);
    assert_eq!(partition.index_of(place(0.0, -20.1)), None);
    let world = QuadtreePartition {
        root: QuadtreeRoot::World,
        ..config
    };
    let (partition, _) = world.build(&corners).unwrap();
    assert_eq!(partition.index_of(place(90.0, 179.9)), Some(3));
    assert_eq!(partition.index_of(place(-90.0, 180.0)), Some(0));
}

#[test]
fn one_place_many_times_ends_at_the_depth() {
    let config = QuadtreePartition {
        split_above: 10,
        max_depth: 50,
        ..Default::default()
    };
    let (partition, _) = config.build(&vec![place(3.0, 4.0); 100_000]).unwrap();
    assert_eq!((partition.len(), partition.count(0)), (1, Some(100_000)));
    assert_eq!(partition.index_of(place(3.0, 4.0)), Some(0));
}

#[test]
fn contradictory_options_are_errors() {
    let config = QuadtreePartition {
        split_above: 1,
        drop_below: 2,
        ..Default::default()
    };
    assert!(config.build(&points()).is_err());
    let config = QuadtreePartition {
        max_depth: 51,
        ..Default::default()
    };
    assert!(config.build(&points()).is_err());
    assert!(matches!(
        QuadtreePartition::default().build(&[]),
        Err(PartitionError::NoPoints)
    ));
    let a = LatLngBox {
        min_lat: 0.0,
        min_lng: 0.0,
        max_lat: 2.0,
        max_lng: 2.0,
    };
    let b = LatLngBox {
        min_lat: 1.0,
        min_lng: 1.0,
        ..a
    };
    assert!(b.is_valid());
    assert!(matches!(
        BoxIndex::new(vec![a, b]),
        Err(PartitionError::BoxOverlap { .. })
    ));
    let bad = LatLngBox {
        max_lat: f64::NAN,
        ..a
    };
    assert!(matches!(
        BoxIndex::new(vec![a, bad]),
        Err(PartitionError::Box { index: 1 })
    ));
    assert!((LatLngBox::WORLD.area_km2() / 510_065_621.0 - 1.0).abs() < 1e-6);
}
