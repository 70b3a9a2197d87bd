use geoloc_geo_cells::{LatLng, haversine_km};

use super::*;
use crate::TileJitter;

fn place(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

/// Waves of the three coordinates of the unit vector, 2,000 km long: smooth over the poles and
/// the antimeridian, and steep (one gray level is about 2.5 km), so that a wrong place shows.
fn waves(v: [f64; 3]) -> [f64; 3] {
    v.map(|c| 127.5 + 127.0 * (20.0 * c).sin())
}

fn wave_raster(height: u32) -> EquirectangularRaster {
    let width = 2 * height;
    let mut rgb = Vec::new();
    for row in 0..height {
        for column in 0..width {
            let lat = 90.0 - (f64::from(row) + 0.5) / f64::from(height) * 180.0;
            let lng = (f64::from(column) + 0.5) / f64::from(width) * 360.0 - 180.0;
            rgb.extend(waves(place(lat, lng).to_unit_vector()).map(|v| v.round() as u8));
        }
    }
    EquirectangularRaster::new(width, height, rgb).unwrap()
}

const CENTRES: [(f64, f64); 9] = [
    (0.0, 0.0),
    (48.0, 11.0),
    (-33.0, -70.0),
    (16.0, 180.0),
    (-66.0, 179.9),
    (90.0, 0.0),
    (-90.0, 123.0),
    (88.9, -77.0),
    (-89.99, -180.0),
];

#[test]
fn tiles_show_the_places_they_claim_everywhere() {
    let raster = wave_raster(1024);
    for (lat, lng) in CENTRES {
        for (side, rotation) in [(384.0, 0.0), (384.0, 57.0), (900.0, 201.0)] {
            let spec = TileSpec::new(place(lat, lng), side, 32)
                .unwrap()
                .with_rotation(rotation)
                .unwrap();
            let tile = spec.render(&raster);
            let mut worst = 0.0_f64;
            for (k, shown) in tile.rgb().chunks_exact(3).enumerate() {
                let (column, row) = ((k % 32) as f64 + 0.5, (k / 32) as f64 + 0.5);
                let expected = waves(spec.place_at(column, row).to_unit_vector());
                for (s, e) in shown.iter().zip(expected) {
                    worst = worst.max((f64::from(*s) - e).abs());
                }
            }
            // Half a level each from the raster and the tile, and up to half from interpolation
            // and averaging: 1.5 levels are under 4 km, a fifth of a raster pixel.
            assert!(worst < 1.5, "{worst} levels at {lat}, {lng}, side {side}");
        }
    }
}

#[test]
fn large_tiles_take_the_exact_projection() {
    let raster = wave_raster(512);
    let spec = TileSpec::new(place(40.0, -170.0), 9000.0, 200).unwrap();
    let tile = spec.render(&raster);
    for (k, shown) in tile.rgb().chunks_exact(3).enumerate() {
        let (column, row) = ((k % 200) as f64 + 0.5, (k / 200) as f64 + 0.5);
        let expected = waves(spec.place_at(column, row).to_unit_vector());
        for (s, e) in shown.iter().zip(expected) {
            // Coarser raster: interpolation adds up to half a level.
            assert!((f64::from(*s) - e).abs() < 2.5);
        }
    }
}

#[test]
fn distances_and_headings_from_the_centre_are_exact() {
    for (lat, lng) in CENTRES {
        let centre = place(lat, lng);
        let spec = TileSpec::new(centre, 384.0, 32).unwrap();
        let corner = haversine_km(centre, spec.place_at(0.0, 0.0));
        assert!((corner - spec.radius_km()).abs() < 1e-6, "{corner}");
        let edge = haversine_km(centre, spec.place_at(16.0, 0.0));
        assert!((edge - 192.0).abs() < 1e-6, "{edge}");
    }
    let spec = TileSpec::new(place(10.0, 20.0), 384.0, 32).unwrap();
    let up = spec.place_at(16.0, 0.0);
    assert!(
        up.lat() > 11.5 && (up.lng() - 20.0).abs() < 1e-9,
        "north is up: {up}"
    );
    let up = spec.with_rotation(90.0).unwrap().place_at(16.0, 0.0);
    assert!(up.lng() > 21.5, "turned by 90 degrees, east is up: {up}");
    // The stated error of the scale across: at the corner of 384 km, 0.03 %.
    let (a, b) = (spec.place_at(-0.5, 0.5), spec.place_at(0.5, -0.5));
    let across = haversine_km(a, b) / (12.0 * std::f64::consts::SQRT_2);
    assert!(
        (across - 1.0).abs() < 3.5e-4 && across < 1.0 - 2e-4,
        "{across}"
    );
}

#[test]
fn a_quarter_turn_of_the_spec_is_a_quarter_turn_of_the_pixels() {
    let raster = wave_raster(512);
    let n = 24;
    for (lat, lng) in CENTRES {
        let spec = TileSpec::new(place(lat, lng), 500.0, n).unwrap();
        let north = spec.render(&raster);
        let east = spec.with_rotation(90.0).unwrap().render(&raster);
        for row in 0..n {
            for column in 0..n {
                // What lies to the right of the upright tile lies at the top of the turned one.
                let a = 3 * (row * n + column);
                let b = 3 * ((n - 1 - column) * n + row);
                for c in 0..3 {
                    let difference = north.rgb()[a + c].abs_diff(east.rgb()[b + c]);
                    assert!(difference <= 1, "{difference} at {lat}, {lng}");
                }
            }
        }
    }
}

/// Columns that alternate between black and white.
fn stripes(height: u32) -> EquirectangularRaster {
    let rgb = (0..2 * height * height).flat_map(|k| [if k % 2 == 0 { 0 } else { 255 }; 3]);
    EquirectangularRaster::new(2 * height, height, rgb.collect()).unwrap()
}

#[test]
fn coarse_tiles_and_high_latitudes_are_not_aliased() {
    let raster = stripes(512);
    let step = raster.resolution_km();
    // (latitude, step in raster rows): three rows a pixel, and the same step where columns shrink.
    for (lat, steps) in [(5.0, 3.0), (30.0, 9.0), (72.0, 1.0), (80.0, 2.2)] {
        let spec = TileSpec::new(place(lat, 30.0), 32.0 * steps * step, 32).unwrap();
        let tile = spec.render(&raster);
        let mean = |v: u64, n: u64| v as f64 / n as f64;
        let squares: u64 = tile
            .rgb()
            .iter()
            .map(|&v| u64::from(v.abs_diff(127)).pow(2))
            .sum();
        let deviation = mean(squares, 32 * 32 * 3).sqrt();
        // Unfiltered stripes deviate by about 74 (bilinear) to 127 levels (nearest).
        assert!(
            deviation < 26.0,
            "deviation {deviation} at {lat}, {steps} rows a pixel"
        );
    }
}

#[test]
fn batches_keep_the_order() {
    let raster = wave_raster(64);
    let specs: Vec<TileSpec> = CENTRES
        .iter()
        .map(|&(lat, lng)| TileSpec::new(place(lat, lng), 3000.0, 8).unwrap())
        .collect();
    let batch = render_batch(&specs, &raster);
    for (spec, tile) in specs.iter().zip(&batch) {
        assert_eq!(*tile, spec.render(&raster));
    }
}

#[test]
fn colour_changes_do_what_their_names_say() {
    let gray = ColorAdjust {
        saturation: 0.0,
        ..ColorAdjust::default()
    };
    let [r, g, b] = gray.apply([200.0, 100.0, 0.0]);
    assert!((r - 118.5).abs() < 1e-3 && (g - r).abs() < 1e-3 && (b - r).abs() < 1e-3);
    let flat = ColorAdjust {
        contrast: 0.0,
        brightness: 0.1,
        ..ColorAdjust::default()
    };
    let shown = flat.apply([3.0, 4.0, 5.0]);
    assert!(shown.iter().all(|v| (v - 153.0).abs() < 1e-3), "{shown:?}");
    let raster = EquirectangularRaster::new(4, 2, vec![200; 24]).unwrap();
    let bright = ColorAdjust {
        brightness: 0.9,
        ..ColorAdjust::default()
    };
    let spec = TileSpec::new(place(1.0, 2.0), 100.0, 4)
        .unwrap()
        .with_color(bright);
    assert_eq!(spec.render(&raster).rgb(), vec![255; 48]);
}

#[test]
fn specs_survive_serialisation_and_bad_ones_do_not() {
    let spec = TileSpec::new(place(1.0, 2.0), 384.0, 32).unwrap();
    let spec = spec.with_rotation(-30.0).unwrap();
    let text = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<TileSpec>(&text).unwrap(), spec);
    assert!(serde_json::from_str::<TileSpec>(&text.replace("384.0", "-1.0")).is_err());
    for side in [0.0, -1.0, f64::NAN, f64::INFINITY, 20_000.0] {
        assert!(TileSpec::new(place(1.0, 2.0), side, 32).is_err());
    }
    assert!(TileSpec::new(place(1.0, 2.0), 1.0, 0).is_err());
    assert!(spec.with_rotation(f64::NAN).is_err() && spec.with_scale(0.0).is_err());
    assert_eq!(spec.with_shift(f64::NAN, 1.0).center(), spec.center());
    let moved = spec.with_shift(30.0, 40.0).center();
    assert!((haversine_km(moved, spec.center()) - 50.0).abs() < 1e-6);
}

#[test]
fn jittered_tiles_stay_inside_the_radius_promised() {
    let jitter = TileJitter {
        rotation_deg: 180.0,
        ..TileJitter::default()
    };
    let spec = TileSpec::new(place(61.0, 179.0), 384.0, 8).unwrap();
    for index in 0..300 {
        let tile = jitter.apply(spec, 1, index).unwrap();
        assert_eq!(tile, jitter.apply(spec, 1, index).unwrap());
        for (column, row) in [(0.0, 0.0), (8.0, 0.0), (0.0, 8.0), (8.0, 8.0)] {
            let away = haversine_km(spec.center(), tile.place_at(column, row));
            assert!(away <= jitter.max_radius_km(384.0) + 1e-6, "{away}");
        }
    }
    let same = TileJitter::NONE.apply(spec, 1, 5).unwrap();
    assert!((same.side_km() - 384.0).abs() < 1e-9 && same.center() == spec.center());
}
