use geoloc_geo_cells::haversine_km;

use super::*;
use crate::Place;

fn hits(places: &[(f64, f64, f32)]) -> Hits {
    let hit = |&(lat, lng, score): &(f64, f64, f32)| Hit {
        id: 0,
        score,
        place: Some(Place::from(LatLng::new(lat, lng).unwrap())),
    };
    Hits {
        hits: places.iter().map(hit).collect(),
        exact: true,
        reranked: 0,
    }
}

#[test]
fn one_neighbour_is_the_answer() {
    let estimate = DensityEstimator::default()
        .estimate(&hits(&[(10.0, 20.0, 0.5)]))
        .unwrap();
    let expected = LatLng::new(10.0, 20.0).unwrap();
    assert!(haversine_km(estimate.location, expected) < 1e-6);
    // The median distance of a Gaussian in the plane: sigma sqrt(2 ln 2).
    assert!((estimate.radius50_km - 25.0 * 1.177_41).abs() < 1e-3);
    assert_eq!(estimate.candidates.len(), 1);
}

#[test]
fn a_cluster_beats_a_stray_better_score() {
    let softmax = DensityEstimator {
        weighting: Weighting::Softmax { temperature: 0.1 },
        ..DensityEstimator::default()
    };
    let places = [
        (0.0, 0.0, 0.8),
        (50.0, 10.0, 0.78),
        (50.05, 10.05, 0.78),
        (49.95, 10.0, 0.77),
    ];
    let estimate = softmax.estimate(&hits(&places)).unwrap();
    assert!(haversine_km(estimate.location, LatLng::new(50.0, 10.02).unwrap()) < 5.0);
    let total: f64 = estimate.candidates.iter().map(|c| c.probability).sum();
    assert!((total - 1.0).abs() < 1e-12);
    // Three of four weigh more than half, so the radius spans the cluster only.
    assert!(estimate.radius50_km < 40.0);
}

#[test]
fn the_antimeridian_and_the_pole_are_no_edges() {
    let estimator = DensityEstimator {
        weighting: Weighting::Softmax { temperature: 1.0 },
        ..DensityEstimator::default()
    };
    let across = estimator
        .estimate(&hits(&[(0.0, 179.9, 1.0), (0.0, -179.9, 1.0)]))
        .unwrap();
    assert!(haversine_km(across.location, LatLng::new(0.0, 180.0).unwrap()) < 1.0);
    let pole = estimator
        .estimate(&hits(&[
            (89.9, 0.0, 1.0),
            (89.9, 120.0, 1.0),
            (89.9, -120.0, 1.0),
        ]))
        .unwrap();
    assert!(pole.location.lat() > 89.99);
}

#[test]
fn snapping_answers_with_a_neighbour() {
    let estimator = DensityEstimator {
        snap_km: Some(50.0),
        weighting: Weighting::Softmax { temperature: 1.0 },
        ..DensityEstimator::default()
    };
    let estimate = estimator
        .estimate(&hits(&[(40.0, 0.0, 1.0), (40.1, 0.0, 0.9)]))
        .unwrap();
    assert!((estimate.location.lat() - 40.0).abs() < 1e-12);
}

#[test]
fn what_gives_no_estimate() {
    let none = DensityEstimator::default().estimate(&Hits::empty());
    assert_eq!(none, Err(DensityError::NoPlaces));
    let flat = DensityEstimator {
        sigma_km: 0.0,
        ..DensityEstimator::default()
    };
    assert!(matches!(
        flat.estimate(&hits(&[(0.0, 0.0, 1.0)])),
        Err(DensityError::Parameter {
            name: "sigma_km",
            ..
        })
    ));
    // Identical vectors: distance 0 is clamped, not infinite.
    let same = DensityEstimator::default().estimate(&hits(&[(1.0, 1.0, 1.0), (1.0, 1.0, 1.0)]));
    assert!(same.unwrap().radius50_km.is_finite());
}
