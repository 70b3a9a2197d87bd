use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::approach::ByPlace;
use crate::losses::UnitVectors;

/// Gives the numbers of the rows.
#[derive(Clone, Debug)]
struct Numbers;

impl PhotoInputs for Numbers {
    type Input = Vec<usize>;

    fn inputs(&self, rows: &[usize], _: Option<u64>, _: &Device) -> Result<Vec<usize>, InputError> {
        Ok(rows.to_vec())
    }
}

type Batches = PhotoBatches<Numbers, ByPlace<UnitVectors>>;

/// Photos in piles of these sizes, a degree apart, some metres within; every other row is not in use.
fn piles(sizes: &[usize], batch: usize, seed: u64) -> Batches {
    let mut labels = Vec::new();
    for (pile, &size) in sizes.iter().enumerate() {
        for photo in 0..size {
            let at = LatLng::new(pile as f64, 1e-5 * photo as f64).unwrap();
            labels.extend([PhotoLabel::from(at); 2]);
        }
    }
    let rows = (0..labels.len()).step_by(2).collect();
    let targets = ByPlace(UnitVectors);
    PhotoBatches::new(Numbers, labels.into(), rows, targets, batch, seed).unwrap()
}

/// How many photos of each pile a batch holds; none comes twice.
fn drawn(batches: &Batches, step: u64) -> BTreeMap<usize, usize> {
    let batch = batches.batch(step, &Device::flex()).unwrap();
    let distinct: BTreeSet<usize> = batch.input.iter().copied().collect();
    assert_eq!(distinct.len(), batch.input.len(), "{:?}", batch.input);
    assert!(distinct.iter().all(|row| row % 2 == 0), "{distinct:?}");
    let mut counts = BTreeMap::new();
    for place in batch.truth {
        *counts.entry(place.lat().round() as usize).or_default() += 1;
    }
    counts
}

#[test]
fn a_batch_is_p_places_with_k_photos_each() {
    let batches = piles(&[4, 9, 5, 7, 4, 6], 8, 3).by_place(4, 0.05).unwrap();
    let mut seen = BTreeSet::new();
    for step in 0..30 {
        let counts = drawn(&batches, step);
        assert!(
            counts.len() == 2 && counts.values().all(|&n| n == 4),
            "{counts:?}"
        );
        seen.extend(batches.batch(step, &Device::flex()).unwrap().input);
    }
    assert_eq!(seen.len(), 35, "every photo gets its turn");
    assert_eq!(batches.lone(), 0);
    // Three steps are an epoch: each place once.
    let epoch: BTreeSet<usize> = (3..6)
        .flat_map(|s| drawn(&batches, s).into_keys())
        .collect();
    assert_eq!(epoch.len(), 6);
}

#[test]
fn batches_are_functions_of_seed_and_step() {
    let of = |seed| piles(&[3, 5, 2, 8, 3], 6, seed).by_place(3, 0.05).unwrap();
    let rows = |batches: &Batches, step| batches.batch(step, &Device::flex()).unwrap().input;
    let (a, b) = (of(1), of(1));
    let forth: Vec<_> = (0..12).map(|step| rows(&a, step)).collect();
    let mut back: Vec<_> = (0..12).rev().map(|step| rows(&b, step)).collect();
    back.reverse();
    assert_eq!(forth, back);
    let other: Vec<_> = (0..12).map(|step| rows(&of(2), step)).collect();
    assert_ne!(forth, other);
}

#[test]
fn small_places_give_all_they_have_and_lone_photos_nothing() {
    let batches = piles(&[1, 2, 6, 1, 3, 1], 8, 5).by_place(4, 0.05).unwrap();
    assert_eq!(batches.lone(), 3);
    // 2, 4 and 3 photos an epoch: the first eight of the nine are the first batch.
    let first = drawn(&batches, 0);
    assert_eq!(first.values().sum::<usize>(), 8);
    assert!(
        first.keys().all(|pile| [1, 2, 4].contains(pile)),
        "{first:?}"
    );
    assert!(first.values().all(|&n| n <= 4) && first.len() == 3);
}

#[test]
fn draws_that_cannot_be_are_refused() {
    let refused =
        |batches: Batches, photos, width_km| batches.by_place(photos, width_km).unwrap_err();
    let some = || piles(&[4, 4, 4], 8, 0);
    assert_eq!(
        refused(some(), 1, 0.05),
        PlaceDrawError::Photos { photos: 1 }
    );
    for photos in [3, 8] {
        let expected = PlaceDrawError::Batch { batch: 8, photos };
        assert_eq!(refused(some(), photos, 0.05), expected);
    }
    let error = refused(some(), 4, f64::NAN);
    assert!(matches!(error, PlaceDrawError::Width { .. }), "{error}");
    // Without neighbours, with one place alone, with fewer photos than a batch.
    for sizes in [&[1, 1, 1, 1, 1, 1, 1, 1][..], &[40], &[2, 2, 1]] {
        let error = refused(piles(sizes, 8, 0), 2, 0.05);
        assert!(matches!(error, PlaceDrawError::Few { .. }), "{error}");
    }
}
