use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{CellLogits, DecodeError, Decoder, Embedding, TwoTasks};
use geoloc_geo_cells::{LatLng, NamedPlaces, Partition, PartitionBuilder};

use super::*;

fn at(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

fn partition() -> Arc<Partition> {
    let places = [at(48.0, 2.0), at(48.0, 7.0), at(-33.0, 151.0)];
    let named = places.iter().enumerate().map(|(k, p)| (k.to_string(), *p));
    Arc::new(NamedPlaces::new(named.collect()).build(&[]).unwrap().0)
}

fn output(probabilities: &[f32], queries: &[f32]) -> TwoTasks<CellLogits, Embedding> {
    let device = Device::flex();
    let rows = probabilities.len() / 3;
    let logits = probabilities.iter().map(|p| p.ln()).collect::<Vec<_>>();
    let width = queries.len() / rows;
    TwoTasks {
        first: CellLogits(Tensor::from_data(
            TensorData::new(logits, [rows, 3]),
            &device,
        )),
        second: Embedding(Tensor::from_data(
            TensorData::new(queries.to_vec(), [rows, width]),
            &device,
        )),
        log_variances: Tensor::zeros([2], &device),
    }
}

fn prototypes() -> Vec<Vec<Prototype>> {
    let one = |photos: &[([f32; 2], LatLng)]| {
        Prototype::new(photos.iter().map(|(e, p)| (e.to_vec(), *p)).collect()).unwrap()
    };
    vec![
        vec![one(&[([9.0, 9.0], at(48.5, 2.5))])],
        vec![
            one(&[([-5.0, 0.0], at(48.1, 7.1))]),
            one(&[([1.0, 0.0], at(48.2, 7.2)), ([3.0, 0.0], at(48.3, 7.3))]),
        ],
        vec![one(&[([1.1, 0.0], at(-33.5, 151.5))])],
    ]
}

#[test]
fn a_cell_with_a_nearer_prototype_wins_and_its_most_similar_photo_is_the_answer() {
    let decoder = PrototypeDecoder::new(partition(), prototypes());
    let answer = decoder
        .decode(output(&[0.5, 0.4, 0.1], &[1.5, 0.0]))
        .unwrap()
        .remove(0)
        .unwrap();
    // Nearest prototype of cell 1 is at (2, 0); the photo at (1, 0) is nearer than the one at
    // (3, 0), which the published code would return.
    assert_eq!(answer.location, at(48.2, 7.2));
    let d = [(7.5f64.powi(2) + 81.0).sqrt(), 0.5, 0.4];
    let mass: Vec<f64> = (0..3)
        .map(|k| [0.5, 0.4, 0.1][k] * (-d[k] / 0.1).exp())
        .collect();
    let expected = mass[1] / mass.iter().sum::<f64>();
    assert!((answer.candidates[0].probability - expected).abs() < 1e-6);
}

#[test]
fn the_temperature_that_photos_were_drawn_with_fits_them_best() {
    // Of equal cells, the photo is taken in each with the probability that T = 0.2 gives it.
    let one = |x: f32, place| vec![Prototype::new(vec![(vec![x, 0.0], place)]).unwrap()];
    let places = [at(48.0, 2.0), at(48.0, 7.0), at(-33.0, 151.0)];
    let prototypes = [1.0, 1.1, 1.3].iter().zip(places);
    let prototypes = prototypes.map(|(&x, place)| one(x, place)).collect();
    let decoder = PrototypeDecoder::new(partition(), prototypes);
    let weights = [0.0f64, 0.1, 0.3].map(|d| (-d / 0.2).exp());
    let total: f64 = weights.iter().sum();
    let mut truth = Vec::new();
    for (place, weight) in places.into_iter().zip(weights) {
        truth.extend(vec![place; (1000.0 * weight / total).round() as usize]);
    }
    let n = truth.len();
    let both = output(&[1.0 / 3.0; 3].repeat(n), &[1.0, 0.0].repeat(n));
    let found = decoder.fit_temperature(both.first, both.second, &truth);
    let found = found.unwrap().unwrap();
    assert!((found.ln() - 0.2f64.ln()).abs() < 0.15, "{found}");
    // A place in no cell of the candidates says nothing.
    let both = output(&[1.0 / 3.0; 3], &[1.0, 0.0]);
    let nowhere = decoder.fit_temperature(both.first, both.second, &[at(0.0, -90.0)]);
    assert!(nowhere.unwrap().is_none_or(|t| t > 0.0));
}

#[test]
fn an_answer_too_far_from_the_best_cell_is_taken_back() {
    let decoder = PrototypeDecoder::new(partition(), prototypes());
    let row = [0.5, 0.1, 0.4];
    let answer = decoder
        .decode(output(&row, &[1.1, 0.0]))
        .unwrap()
        .remove(0)
        .unwrap();
    assert_eq!(answer.location, at(48.5, 2.5));
    let mut free = decoder;
    free.max_move_km = 30_000.0;
    let answer = free
        .decode(output(&row, &[1.1, 0.0]))
        .unwrap()
        .remove(0)
        .unwrap();
    assert_eq!(answer.location, at(-33.5, 151.5));
}

#[test]
fn cells_without_prototypes_count_only_if_none_has_any() {
    let mut some = prototypes();
    some[0].clear();
    let decoder = PrototypeDecoder::new(partition(), some);
    let answer = decoder
        .decode(output(&[0.9, 0.05, 0.05], &[9.0, 9.0]))
        .unwrap()
        .remove(0)
        .unwrap();
    assert_eq!(answer.location, at(48.3, 7.3));
    let decoder = PrototypeDecoder::new(partition(), Vec::new());
    let answer = decoder
        .decode(output(&[0.1, 0.7, 0.2], &[9.0, 9.0]))
        .unwrap()
        .remove(0)
        .unwrap();
    assert_eq!(answer.location, at(48.0, 7.0));
}

#[test]
fn bad_rows_and_wrong_widths() {
    let decoder = PrototypeDecoder::new(partition(), prototypes());
    let rows = [0.5, 0.4, 0.1, 0.5, 0.4, 0.1];
    let answers = decoder
        .decode(output(&rows, &[f32::NAN, 0.0, 1.0, 0.0]))
        .unwrap();
    assert_eq!(answers[0], Err(DecodeError::NotFinite { index: 0 }));
    assert!(answers[1].is_ok());
    let wrong = decoder.decode(output(&rows[..3], &[0.0; 3]));
    assert_eq!(
        wrong,
        Err(DecodeError::Width {
            expected: 2,
            found: 3
        })
    );
    assert!(Prototype::new(vec![]).is_none());
    assert!(Prototype::new(vec![(vec![1.0], at(0.0, 0.0)), (vec![], at(0.0, 0.0))]).is_none());
}

#[test]
fn prototypes_are_the_dense_places_of_each_cell() {
    // Cell 0: two tight groups with embeddings at 1 and at 5, and three stray photos. Cell 1: one
    // photo. Cell 2: none.
    let mut photos = Vec::new();
    for k in 0..6 {
        let step = 0.001 * f64::from(k) * f64::from(k + 1);
        photos.push((vec![1.0, k as f32], at(48.0 + step, 2.0)));
        photos.push((vec![5.0, k as f32], at(48.9 + step, 2.0)));
    }
    for (k, (lat, lng)) in [(48.4, 2.3), (48.3, 1.2), (48.7, 3.1)]
        .into_iter()
        .enumerate()
    {
        photos.push((vec![100.0 + k as f32, 0.0], at(lat, lng)));
    }
    photos.push((vec![7.0, 7.0], at(48.0, 7.0)));
    let built = PrototypeBuilder::default().build(&partition(), &photos);
    assert_eq!(built.len(), 3);
    let group = |first: f32| {
        let own = photos
            .iter()
            .filter(|(e, _)| (e[0] - first).abs() < 1e-6)
            .cloned();
        Prototype::new(own.collect()).unwrap()
    };
    // Each group lies whole in a prototype of its own. A cluster of the xi method may end with the
    // first point after it; the other two stray photos are in none.
    let holds = |p: &Prototype, first: f32| {
        p.photos
            .iter()
            .filter(|(e, _)| (e[0] - first).abs() < 1e-6)
            .count()
    };
    assert_eq!(built[0].len(), 2, "{built:?}");
    let counts = |first| {
        let mut counts = [0, 1].map(|k| holds(&built[0][k], first));
        counts.sort_unstable();
        counts
    };
    assert_eq!((counts(1.0), counts(5.0)), ([0, 6], [0, 6]));
    let both = |p: &Prototype| holds(p, 1.0) > 0 && holds(p, 5.0) > 0;
    assert!(!built[0].iter().any(both));
    assert_eq!((counts(101.0), counts(102.0)), ([0, 0], [0, 0]));
    assert_eq!(built[1], [group(7.0)]);
    assert!(built[2].is_empty());
    // Too few photos for a cluster: one prototype of all.
    let two = &photos[..2];
    let built = PrototypeBuilder::default().build(&partition(), two);
    assert_eq!(built[0], [Prototype::new(two.to_vec()).unwrap()]);
    // Every third photo of a cell that is too large.
    let few = PrototypeBuilder {
        max_photos: 5,
        ..PrototypeBuilder::default()
    };
    let kept: usize = few.build(&partition(), &photos)[0]
        .iter()
        .map(|p| p.photos.len())
        .sum();
    assert!(kept <= 5, "{kept}");
}
