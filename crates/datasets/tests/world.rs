//! The shipped imagery: size, registration, and the domain gap between the views.
#![cfg(feature = "world")]
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use std::path::Path;
use std::sync::Arc;

use geoloc_datasets::{EquirectangularRaster, Surface, SurfaceMap, View, world};
use geoloc_geo_cells::LatLng;

fn views() -> [(&'static str, Arc<EquirectangularRaster>, usize); 4] {
    [
        ("summer", world::summer().unwrap(), 5400),
        ("relief", world::relief().unwrap(), 5400),
        ("spring", world::spring().unwrap(), 4096),
        ("natural_earth", world::natural_earth().unwrap(), 2048),
    ]
}

#[test]
fn all_files_together_take_at_most_six_megabytes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/world");
    let sizes = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().metadata().unwrap().len());
    assert!(sizes.sum::<u64>() <= 6_000_000);
}

#[test]
fn imagery_is_decoded_once() {
    assert!(Arc::ptr_eq(
        &world::summer().unwrap(),
        &View::Aerial.raster().unwrap()
    ));
    assert!(Arc::ptr_eq(
        &world::relief().unwrap(),
        &View::Query.raster().unwrap()
    ));
    assert!(Arc::ptr_eq(
        &world::surface().unwrap(),
        &world::surface().unwrap()
    ));
}

/// Share of places at which "blue" and "water" agree when the imagery is read `dlat`, `dlng`
/// degrees off. Ice is left out.
fn agreement(raster: &EquirectangularRaster, map: &SurfaceMap, dlat: f64, dlng: f64) -> f64 {
    let (mut agree, mut all) = (0, 0);
    for row in 0..240 {
        for column in 0..720 {
            let (lat, lng) = (f64::from(row) * 0.5 - 55.1, f64::from(column) * 0.5 - 179.9);
            let surface = map.at(LatLng::new(lat, lng).unwrap());
            if surface == Surface::Ice {
                continue;
            }
            let [r, g, b] = raster.sample(LatLng::new(lat + dlat, lng + dlng).unwrap());
            let blue = b > r && b >= g;
            agree += usize::from(blue == (surface == Surface::Water));
            all += 1;
        }
    }
    agree as f64 / f64::from(all)
}

#[test]
fn every_view_is_registered_with_the_land_map() {
    let map = world::surface().unwrap();
    for (name, raster, width) in views() {
        assert_eq!(
            (raster.width(), raster.height()),
            (width, width / 2),
            "{name}"
        );
        let here = agreement(&raster, &map, 0.0, 0.0);
        assert!(here > 0.95, "{name}: {here}");
        for (dlat, dlng) in [(0.3, 0.0), (-0.3, 0.0), (0.0, 0.3), (0.0, -0.3)] {
            let off = agreement(&raster, &map, dlat, dlng);
            assert!(
                off < here,
                "{name} fits better {dlat}, {dlng} degrees off: {off} > {here}"
            );
        }
    }
}

#[test]
fn the_two_views_show_the_same_land_in_other_colours() {
    let [query, aerial] = [View::Query, View::Aerial].map(|v| v.raster().unwrap());
    // Rain forest, desert and a shelf sea: the relief is pale where Blue Marble is dark.
    for (lat, lng) in [(-5.0, -62.0), (62.0, 100.0), (0.0, 22.0), (55.0, 3.0)] {
        let place = LatLng::new(lat, lng).unwrap();
        let light = |[r, g, b]: [u8; 3]| (u32::from(r) + u32::from(g) + u32::from(b)) / 3;
        let (q, a) = (light(query.sample(place)), light(aerial.sample(place)));
        assert!(q > a + 50, "{q} against {a} at {place}");
    }
}
