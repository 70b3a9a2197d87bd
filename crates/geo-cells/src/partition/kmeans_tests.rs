use super::*;
use crate::{chord_squared, haversine_km};

fn points() -> Vec<LatLng> {
    (0..3000)
        .map(|k| {
            let t = f64::from(k);
            LatLng::new(80.0 * (0.37 * t).sin(), 179.0 + 30.0 * (0.113 * t).sin()).unwrap()
        })
        .collect()
}

fn cost(centers: &[LatLng], points: &[LatLng]) -> f64 {
    let nearest = |p: &LatLng| {
        let u = p.to_unit_vector();
        centers
            .iter()
            .map(|c| chord_squared(u, c.to_unit_vector()))
            .fold(f64::INFINITY, f64::min)
    };
    points.iter().map(nearest).sum()
}

#[test]
fn iteration_lowers_the_cost_and_ends_at_means() {
    let points = points();
    let config = SphericalKMeans {
        clusters: 20,
        max_iterations: 200,
        ..Default::default()
    };
    let (partition, report) = config.build(&points).unwrap();
    let start = SphericalKMeans {
        max_iterations: 0,
        ..config
    }
    .build(&points)
    .unwrap()
    .0;
    let Geometry::Nearest(anchors) = partition.geometry() else {
        panic!("k-means makes nearest-place ground");
    };
    let Geometry::Nearest(first) = start.geometry() else {
        panic!("k-means makes nearest-place ground");
    };
    assert!(cost(anchors.places(), &points) < 0.9 * cost(first.places(), &points));
    // Converged: centres are the means of their points.
    for class in 0..partition.len() {
        let apart = haversine_km(anchors.places()[class], partition.location(class).unwrap());
        assert!(apart < 1e-6, "{apart}");
    }
    assert_eq!(report.placed, 3000);
    assert!(partition.counts().iter().all(|&n| n > 0));
}

#[test]
fn order_does_not_matter_and_bytes_round_trip() {
    let config = SphericalKMeans {
        clusters: 50,
        max_iterations: 10,
        ..Default::default()
    };
    let a = config.build(&points()).unwrap().0;
    let mut turned = points();
    turned.rotate_left(1234);
    let b = config.build(&turned).unwrap().0;
    assert_eq!(a.content_hash(), b.content_hash());
    assert_eq!(Partition::from_bytes(&a.to_bytes()).unwrap(), a);
}

#[test]
fn repeated_places_leave_no_empty_class() {
    let p = LatLng::new(10.0, 20.0).unwrap();
    let q = LatLng::new(-10.0, 20.0).unwrap();
    let mut points = vec![p; 100_000];
    points.extend([q; 5]);
    let config = SphericalKMeans {
        clusters: 100,
        ..Default::default()
    };
    let (partition, _) = config.build(&points).unwrap();
    assert_eq!(partition.len(), 2);
    let mut counts = partition.counts().to_vec();
    counts.sort_unstable();
    assert_eq!(counts, [5, 100_000]);
    assert!(config.build(&[]).is_err());
    assert!(
        SphericalKMeans {
            clusters: 0,
            ..config
        }
        .build(&points)
        .is_err()
    );
}
