use geoloc_geo_cells::haversine_km;

use super::*;
use crate::stable_hash::Draws;

fn count(parts: &[Part], part: Part) -> usize {
    parts.iter().filter(|p| **p == part).count()
}

#[test]
fn keys_keep_their_part_whatever_else_is_there() {
    use Part::{Test, Train, Validation};
    // Frozen: a change here would move items of every dataset split so far.
    let parts: Vec<Part> = ["a", "b", "c", "d", "e", "f", "g", "h"]
        .iter()
        .map(|k| Shares::default().part_of(k, 3))
        .collect();
    assert_eq!(
        parts,
        [
            Train, Train, Train, Validation, Test, Test, Validation, Train
        ]
    );
}

#[test]
fn strata_get_exact_shares_and_few_items_move() {
    let ids: Vec<String> = (0..300).map(|i| format!("photo {i}")).collect();
    let stratum = |i: usize| if i.is_multiple_of(3) { "FR" } else { "NA" };
    let items: Vec<(&str, &str)> = ids
        .iter()
        .enumerate()
        .map(|(i, id)| (id.as_str(), stratum(i)))
        .collect();
    let parts = split_stratified(&items, Shares::default(), 1);
    for (name, size) in [("FR", 100), ("NA", 200)] {
        let own: Vec<Part> = items
            .iter()
            .zip(&parts)
            .filter(|(i, _)| i.1 == name)
            .map(|(_, p)| *p)
            .collect();
        assert_eq!(count(&own, Part::Test), size / 5);
        assert_eq!(count(&own, Part::Validation), size * 16 / 100);
    }
    for k in 0..items.len() {
        let mut fewer = items.clone();
        fewer.remove(k);
        let mut before = parts.clone();
        before.remove(k);
        let after = split_stratified(&fewer, Shares::default(), 1);
        let moved = before.iter().zip(&after).filter(|(a, b)| a != b).count();
        assert!(moved <= 2, "{moved} moved");
    }
    assert_ne!(parts, split_stratified(&items, Shares::default(), 2));
}

#[test]
fn blocks_hold_together_and_keep_their_distance() {
    let mut draws = Draws::new(5, 5);
    let mut place =
        || LatLng::new(30.0 + 20.0 * draws.unit(), 175.0 + 10.0 * draws.unit()).unwrap();
    let places: Vec<LatLng> = (0..3000).map(|_| place()).collect();
    let parts = split_by_block(&places, 2.0, 25.0, Shares::default(), 1);
    for part in [Part::Train, Part::Validation, Part::Test, Part::Dropped] {
        assert!(
            count(&parts, part) > 50,
            "{part:?}: {}",
            count(&parts, part)
        );
    }
    for (a, pa) in places.iter().zip(&parts) {
        for (b, pb) in places.iter().zip(&parts) {
            let apart = matches!((pa, pb), (Part::Train, Part::Test | Part::Validation))
                || matches!((pa, pb), (Part::Validation, Part::Test));
            assert!(!apart || haversine_km(*a, *b) >= 25.0);
        }
    }
    // Without a buffer nothing is dropped, and half of the data gets the same parts.
    let all = split_by_block(&places, 2.0, 0.0, Shares::default(), 1);
    let half = split_by_block(&places[..1500], 2.0, 0.0, Shares::default(), 1);
    assert_eq!(count(&all, Part::Dropped), 0);
    assert_eq!(all[..1500], half);
}

#[test]
fn blocks_are_about_as_wide_as_high_and_meet_at_the_antimeridian() {
    let at = |lat, lng| block_of(LatLng::new(lat, lng).unwrap(), 1.0);
    assert_eq!(at(60.2, 9.3), at(60.2, 10.9));
    assert_ne!(at(0.2, 10.1), at(0.2, 11.9));
    assert_ne!(at(10.0, 179.9), at(10.0, -179.9));
    assert_eq!(at(10.5, 180.0), at(10.5, -179.9));
    assert_eq!(at(89.9, 10.0), at(89.9, 15.0));
}

#[test]
fn shares_that_leave_nothing_are_errors() {
    for (validation, test) in [(0.5, 0.5), (-0.1, 0.2), (f64::NAN, 0.2), (0.2, 1.5)] {
        assert!(Shares::new(validation, test).is_err());
    }
    assert!(Shares::new(0.0, 0.0).is_ok());
}
