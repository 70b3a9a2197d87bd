//! Published cells of known places, and the laws of ids.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::float_cmp,
    reason = "a test may stop, print, and compare exact numbers"
)]

use geoloc_geo_cells::{CellId, LatLng, Level};

fn tokens(lat: f64, lng: f64) -> Vec<String> {
    let leaf = CellId::from_lat_lng(LatLng::new(lat, lng).unwrap());
    [2, 5, 10, 13, 15, 16, 30]
        .map(|level| leaf.parent(Level::new(level).unwrap()).unwrap().token())
        .to_vec()
}

#[test]
fn tokens_of_three_cities() {
    assert_eq!(
        tokens(48.8566, 2.3522),
        [
            "47",
            "47e4",
            "47e66f",
            "47e66e1c",
            "47e66e1dc",
            "47e66e1d9",
            "47e66e1d8f8be23b"
        ]
    );
    assert_eq!(
        tokens(-33.8688, 151.2093),
        [
            "6b",
            "6b14",
            "6b12af",
            "6b12ae3c",
            "6b12ae3fc",
            "6b12ae3ff",
            "6b12ae3ff6290055"
        ]
    );
    assert_eq!(
        tokens(40.6892, -74.0445),
        [
            "89",
            "89c4",
            "89c251",
            "89c2508c",
            "89c25088c",
            "89c25088d",
            "89c25088d6fe3dd9"
        ]
    );
}

#[test]
fn family_of_a_cell_in_paris() {
    let cell = CellId::from_token("47e66e1dc").unwrap();
    assert_eq!(cell.level().get(), 15);
    let children = cell.children().unwrap().map(CellId::token);
    assert_eq!(
        children,
        ["47e66e1d9", "47e66e1db", "47e66e1dd", "47e66e1df"]
    );
    let neighbors = cell.edge_neighbors().map(CellId::token);
    assert_eq!(
        neighbors,
        ["47e66e1d4", "47e66e1c4", "47e66e1e4", "47e671e24"]
    );
    let centre = cell.center();
    assert!((centre.lat() - 48.857_339_9).abs() < 1e-7);
    assert!((centre.lng() - 2.351_576_8).abs() < 1e-7);
    for (k, child) in (0_u8..).zip(cell.children().unwrap()) {
        assert_eq!(child.child_position(), Some(k));
        assert_eq!(child.parent(cell.level()), Some(cell));
    }
}

#[test]
fn numbers_that_are_no_cells() {
    for raw in [0, u64::MAX, 6 << 61 | 1, 2, 1 << 61, 0xFFFF_FFFF_FFFF_FFFE] {
        assert_eq!(CellId::try_from(raw).unwrap_err().raw, raw);
    }
    for token in [
        "",
        "0",
        "X",
        "+1",
        "4.7E+064",
        "00000000000000001",
        "ffffffffffffffff",
        "é",
    ] {
        assert!(CellId::from_token(token).is_err(), "{token:?}");
    }
    assert_eq!(CellId::from_token("47e4").unwrap().level().get(), 5);
    assert!(CellId::from_face(6).is_none());
    let leaf = CellId::try_from(1).unwrap();
    assert!(leaf.children().is_none());
    assert!(CellId::faces()[0].parent(Level::new(1).unwrap()).is_none());
}
