use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{CellLogits, DecodeError, Decoder};
use geoloc_geo_cells::{LatLng, NamedPlaces, Partition, PartitionBuilder, haversine_km};

use super::*;
use crate::cell::CellDecoder;

fn at(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

fn partition(places: &[LatLng]) -> Arc<Partition> {
    let named = places.iter().enumerate().map(|(k, p)| (k.to_string(), *p));
    Arc::new(NamedPlaces::new(named.collect()).build(&[]).unwrap().0)
}

fn logits(probabilities: &[f32], cells: usize) -> CellLogits {
    let values: Vec<f32> = probabilities.iter().map(|p| p.ln()).collect();
    let shape = [values.len() / cells, cells];
    CellLogits(Tensor::from_data(
        TensorData::new(values, shape),
        &Device::flex(),
    ))
}

#[test]
fn neighbouring_cells_add_up_and_continents_are_not_averaged() {
    // One cell of 0.4 in Peru; four of 0.15 about Paris.
    let places = [
        at(-12.0, -77.0),
        at(48.8, 2.3),
        at(48.9, 2.4),
        at(48.8, 2.5),
        at(48.7, 2.4),
    ];
    let partition = partition(&places);
    let row = [0.4, 0.15, 0.15, 0.15, 0.15];
    let argmax = CellDecoder::new(partition.clone(), 1)
        .decode(logits(&row, 5))
        .unwrap();
    assert_eq!(argmax[0].as_ref().unwrap().location, places[0]);
    let mode = ModeDecoder::new(partition, 50.0, 3)
        .decode(logits(&row, 5))
        .unwrap();
    let answer = mode[0].as_ref().unwrap();
    assert!(
        haversine_km(answer.location, at(48.8, 2.4)) < 10.0,
        "{}",
        answer.location
    );
    // The candidates are still the cells in the order of their probability.
    assert_eq!(answer.candidates[0].location, places[0]);
    // 0.6 of the mass is near Paris.
    assert!(answer.radius50_km < 30.0);
}

#[test]
fn the_mode_of_two_cells_about_the_antimeridian_lies_between_them() {
    let partition = partition(&[at(0.0, 179.5), at(0.0, -179.5), at(0.0, 10.0)]);
    let answers = ModeDecoder::new(partition, 200.0, 1)
        .with_starts(2)
        .decode(logits(&[0.45, 0.45, 0.1, f32::NAN, 0.5, 0.5], 3))
        .unwrap();
    let answer = answers[0].as_ref().unwrap();
    assert!(
        haversine_km(answer.location, at(0.0, 180.0)) < 5.0,
        "{}",
        answer.location
    );
    assert_eq!(answers[1], Err(DecodeError::NotFinite { index: 1 }));
}

#[test]
fn a_wrong_width_is_named() {
    let partition = partition(&[at(0.0, 0.0), at(1.0, 1.0)]);
    let found = ModeDecoder::new(partition, 200.0, 1).decode(logits(&[0.5; 3], 3));
    assert_eq!(
        found,
        Err(DecodeError::Width {
            expected: 2,
            found: 3
        })
    );
}

#[test]
fn many_near_neighbours_beat_one_that_is_a_little_nearer() {
    let near = |cosine, lat, lng| Neighbour {
        cosine,
        location: at(lat, lng),
    };
    let neighbours = [
        near(0.80, -33.9, 151.2),
        near(0.79, 41.90, 12.50),
        near(0.785, 41.91, 12.49),
        near(0.78, 41.89, 12.48),
    ];
    let density = NeighbourDensity::default();
    let answer = density.locate(0, &neighbours).unwrap();
    // Snapped to the most similar photo of Rome.
    assert_eq!(answer.location, at(41.90, 12.50));
    assert_eq!(answer.candidates[0].location, at(-33.9, 151.2));
    // The probability is that of Rome, not of the first candidate.
    let first = answer.candidates[0].probability;
    assert!((answer.probability.unwrap() + first - 1.0).abs() < 1e-9);
    assert!(answer.probability.unwrap() > first);
    let free = NeighbourDensity {
        snap_km: None,
        ..density
    };
    let mode = free.locate(0, &neighbours).unwrap().location;
    assert!(mode != at(41.90, 12.50) && haversine_km(mode, at(41.90, 12.49)) < 2.0);
    // The order of the neighbours plays no part.
    let mut reversed = neighbours;
    reversed.reverse();
    assert_eq!(density.locate(0, &reversed).unwrap(), answer);
    // Weights: d = √(2 - 2 cos), relative to the nearest.
    let weights: Vec<f64> = neighbours
        .iter()
        .map(|n| (2.0 - 2.0 * n.cosine).sqrt().powi(-10))
        .collect();
    let expected = weights[0] / weights.iter().sum::<f64>();
    assert!((answer.candidates[0].probability - expected).abs() < 1e-9);
}

#[test]
fn an_exact_match_does_not_overflow_and_bad_neighbours_are_errors() {
    let one = Neighbour {
        cosine: 1.0 + 1e-7,
        location: at(10.0, 20.0),
    };
    let other = Neighbour {
        cosine: -1.0,
        location: at(-10.0, 20.0),
    };
    let density = NeighbourDensity::default();
    let answer = density.locate(3, &[other, one]).unwrap();
    assert_eq!(answer.location, at(10.0, 20.0));
    assert!(matches!(
        density.locate(3, &[]),
        Err(DecodeError::Search { .. })
    ));
    let bad = Neighbour {
        cosine: f64::NAN,
        ..one
    };
    assert_eq!(
        density.locate(3, &[one, bad]),
        Err(DecodeError::NotFinite { index: 3 })
    );
}

#[test]
fn the_grid_agrees_with_the_sphere_away_from_its_faults() {
    let near = |cosine, lat, lng| Neighbour {
        cosine,
        location: at(lat, lng),
    };
    let neighbours = [
        near(0.80, -33.9, 151.2),
        near(0.79, 41.90, 12.50),
        near(0.785, 41.91, 12.49),
        near(0.78, 41.89, 12.48),
    ];
    let grid = GridDensity::default();
    let sphere = NeighbourDensity::default();
    let answer = grid.locate(0, &neighbours).unwrap();
    assert_eq!(answer, sphere.locate(0, &neighbours).unwrap());
    let free = GridDensity {
        snap_km: None,
        ..grid
    };
    // The centre of a cell of 0.1 degree that holds a neighbour.
    let mode = free.locate(0, &neighbours).unwrap().location;
    assert!((mode.lat() - 41.95).abs() < 1e-9 || (mode.lat() - 41.85).abs() < 1e-9);
    assert!((mode.lng() - 12.45).abs() < 1e-9 || (mode.lng() - 12.55).abs() < 1e-9);
}

#[test]
fn the_mode_of_the_grid_is_the_one_of_the_sum_it_stands_for() {
    // Two photos 6 degrees apart, with weights 1 and 0.6: between them, nearer to the first.
    let d1: f64 = 0.5;
    let cosine = |weight: f64| 1.0 - (d1 * weight.powf(-0.1)).powi(2) / 2.0;
    let neighbours = [(1.0, 10.0), (0.6, 16.0)].map(|(weight, lng)| Neighbour {
        cosine: cosine(weight),
        location: at(0.05, lng + 0.05),
    });
    let free = GridDensity {
        snap_km: None,
        ..GridDensity::default()
    };
    let mode = free.locate(0, &neighbours).unwrap().location;
    let density = |x: f64| {
        let gauss = |centre: f64| (-0.5 * ((x - centre) / 4.0).powi(2)).exp();
        gauss(10.0) + 0.6 * gauss(16.0)
    };
    let best = (0..400)
        .map(|k| 0.1 * f64::from(k) - 5.0)
        .max_by(|a, b| density(*a).total_cmp(&density(*b)))
        .unwrap();
    assert!(
        (mode.lng() - (best + 0.05)).abs() < 1e-6,
        "{} {best}",
        mode.lng()
    );
    // Across the antimeridian the grids do not add up; the sphere does.
    let split = [179.5, -179.5, 100.0].map(|lng| Neighbour {
        cosine: cosine(if (lng - 100.0_f64).abs() < 1.0 {
            1.0
        } else {
            0.7
        }),
        location: at(0.0, lng),
    });
    let grid = free.locate(0, &split).unwrap().location;
    assert!(haversine_km(grid, at(0.0, 100.0)) < 20.0, "{grid}");
    let sphere = NeighbourDensity::default().locate(0, &split).unwrap();
    assert!(haversine_km(sphere.location, at(0.0, 180.0)) < 100.0);
    // The poles are on the grid.
    let pole = [Neighbour {
        cosine: 0.9,
        location: at(90.0, 0.0),
    }];
    let answer = free.locate(0, &pole).unwrap().location;
    assert!((answer.lat() - 89.95).abs() < 1e-9 || (answer.lat() - 90.0).abs() < 1e-9);
    assert!(matches!(
        free.locate(0, &[]),
        Err(DecodeError::Search { .. })
    ));
}
