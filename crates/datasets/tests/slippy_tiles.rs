//! Numbers of map tiles against published ones.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use std::f64::consts::PI;

use geoloc_datasets::map_tiles::{
    MAX_MERCATOR_LATITUDE, MAX_ZOOM, RowOrder, SlippyGrid, SlippyTile,
};
use geoloc_geo_cells::LatLng;
use proptest::prelude::*;

fn at(lat: f64, lng: f64, zoom: u8) -> (u32, u32) {
    let tile = SlippyTile::at(LatLng::new(lat, lng).unwrap(), zoom).unwrap();
    (tile.x(), tile.row(RowOrder::Xyz))
}

fn tile(zoom: u8, x: u32, y: u32) -> SlippyTile {
    SlippyTile::new(zoom, x, y, RowOrder::Xyz).unwrap()
}

/// Values of the documentation of mercantile, of Bing Maps and of the `OpenStreetMap` wiki.
#[test]
fn known_tiles_have_their_published_numbers() {
    assert_eq!(at(40.1222, 20.6852, 9), (285, 193));
    let [west, _, _, north] = tile(10, 486, 332).bounds();
    assert!((west + 9.140_625).abs() < 1e-12);
    assert!((north - 53.330_872_983_017_05).abs() < 1e-12);
    assert_eq!(tile(10, 486, 332).quadkey(), "0313102310");
    assert_eq!(tile(3, 3, 5).quadkey(), "213");
    assert_eq!(tile(0, 0, 0).quadkey(), "");
    let [west, south, east, north] = tile(0, 0, 0).bounds();
    assert!((north - MAX_MERCATOR_LATITUDE).abs() < 1e-12 && (south + north).abs() < 1e-12);
    assert!((west + 180.0).abs() < 1e-12 && (east - 180.0).abs() < 1e-12);
    // Row 1 from the north of 4 is row 2 from the south.
    assert_eq!(tile(2, 0, 1).row(RowOrder::Tms), 2);
    assert_eq!(
        SlippyTile::new(2, 0, 2, RowOrder::Tms).unwrap(),
        tile(2, 0, 1)
    );
}

#[test]
fn the_edges_of_the_map_have_tiles_and_the_poles_have_none() {
    assert_eq!(at(0.0, 179.999_999, 10), (1023, 512));
    assert_eq!(at(0.0, 180.0, 10), (0, 512));
    assert_eq!(at(0.0, -180.0, 10), (0, 512));
    assert_eq!(at(MAX_MERCATOR_LATITUDE, 0.0, 4), (8, 0));
    assert_eq!(at(-MAX_MERCATOR_LATITUDE, 0.0, 4), (8, 15));
    for lat in [85.0512, -85.0512, 90.0, -90.0] {
        assert_eq!(SlippyTile::at(LatLng::new(lat, 0.0).unwrap(), 4), None);
    }
    assert_eq!(SlippyTile::at(LatLng::default(), 31), None);
    for (zoom, x, y) in [(31, 0, 0), (3, 8, 0), (3, 0, 8)] {
        assert!(SlippyTile::new(zoom, x, y, RowOrder::Xyz).is_err());
    }
    assert_eq!(tile(MAX_ZOOM, 0, 0).children(), None);
    assert_eq!(tile(0, 0, 0).parent(), None);
}

#[test]
fn a_grid_says_which_zoom_is_fine_enough() {
    let grid = SlippyGrid::new(256, 3, 19).unwrap();
    // 40,030.2 km around the mean Earth, over 256 pixels.
    assert!((grid.meters_per_pixel(0.0, 0) - 156_367.5).abs() < 1.0);
    assert!((grid.meters_per_pixel(60.0, 1) - 156_367.5 / 4.0).abs() < 1.0);
    assert_eq!(grid.zoom_for(0.0, grid.meters_per_pixel(0.0, 12)), 12);
    assert_eq!(
        grid.zoom_for(0.0, 0.999 * grid.meters_per_pixel(0.0, 12)),
        13
    );
    assert_eq!(grid.zoom_for(60.0, 0.5), 18);
    assert_eq!(grid.zoom_for(0.0, 1e9), 3);
    assert_eq!(grid.zoom_for(0.0, 1e-9), 19);
    assert!(SlippyGrid::new(8, 0, 3).is_err());
    assert!(SlippyGrid::new(256, 4, 3).is_err());
    assert!(SlippyGrid::new(256, 0, 31).is_err());
}

proptest! {
    #[test]
    fn a_place_lies_within_the_bounds_of_its_tile(
        lat in -85.05..85.05f64, lng in -180.0..180.0f64, zoom in 0u8..=24,
    ) {
        let found = SlippyTile::at(LatLng::new(lat, lng).unwrap(), zoom).unwrap();
        let [west, south, east, north] = found.bounds();
        prop_assert!(west - 1e-9 <= lng && lng <= east + 1e-9);
        prop_assert!(south - 1e-9 <= lat && lat <= north + 1e-9);
        let quadkey = found.quadkey();
        prop_assert_eq!(quadkey.len(), usize::from(zoom));
        if let Some(parent) = found.parent() {
            prop_assert!(quadkey.starts_with(&parent.quadkey()));
            prop_assert!(parent.children().unwrap().contains(&found));
        }
        let tms = SlippyTile::new(zoom, found.x(), found.row(RowOrder::Tms), RowOrder::Tms);
        prop_assert_eq!(tms.unwrap(), found);
    }

    /// The textbook formula, with a logarithm in place of the inverse hyperbolic sine.
    #[test]
    fn rows_follow_the_textbook_formula(lat in -85.05..85.05f64) {
        let phi = lat.to_radians();
        let textbook = (1.0 - (phi.tan() + 1.0 / phi.cos()).ln() / PI) / 2.0;
        let tile = SlippyTile::at(LatLng::new(lat, 0.0).unwrap(), 30).unwrap();
        let row = f64::from(tile.row(RowOrder::Xyz)) + 0.5;
        prop_assert!((textbook * 30_f64.exp2() - row).abs() < 1.0);
    }
}
