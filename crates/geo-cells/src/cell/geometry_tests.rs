#![allow(clippy::float_cmp, reason = "exact numbers are compared")]

use super::*;
use crate::haversine_km;

fn cells() -> Vec<CellId> {
    (0..400)
        .map(|k| {
            let t = f64::from(k);
            let p = LatLng::new(90.0 * (0.7 * t).sin(), 180.0 * (1.3 * t).cos()).unwrap();
            let level = Level::new((k % 31) as u8).unwrap();
            CellId::from_lat_lng(p).parent(level).unwrap()
        })
        .collect()
}

#[test]
fn areas_of_children_make_up_the_parent() {
    for cell in cells() {
        if cell.level().get() > 20 {
            continue;
        }
        let parts: f64 = cell.children().unwrap().iter().map(|c| c.area_km2()).sum();
        assert!((parts / cell.area_km2() - 1.0).abs() < 1e-6, "{cell}");
    }
    let world: f64 = CellId::faces().iter().map(|f| f.area_steradian()).sum();
    assert!((world - 4.0 * std::f64::consts::PI).abs() < 1e-12);
}

#[test]
fn average_areas_of_levels() {
    // On the sphere of radius 6371.01 km: 81.07, 1.2668, 0.079173 km².
    let scale = (6371.01_f64 / EARTH_RADIUS_KM).powi(2);
    for (level, km2) in [(10, 81.07), (13, 1.2668), (15, 0.079_173)] {
        let level = Level::new(level).unwrap();
        assert!((level.average_area_km2() * scale / km2 - 1.0).abs() < 1e-4);
        assert_eq!(Level::closest_to_area_km2(km2), level);
        assert_eq!(
            Level::with_area_at_most_km2(level.average_area_km2()),
            level
        );
        assert_eq!(
            Level::with_area_at_most_km2(0.99 * level.average_area_km2()),
            level.finer().unwrap()
        );
    }
    assert_eq!(Level::closest_to_area_km2(f64::NAN), Level::LEAF);
    assert_eq!(Level::closest_to_area_km2(1e12), Level::FACE);
    assert_eq!(Level::with_area_at_most_km2(0.0), Level::LEAF);
}

#[test]
fn distance_is_the_least_and_the_most_over_the_cell() {
    for (k, cell) in cells().into_iter().enumerate() {
        let t = k as f64;
        let p = LatLng::new(80.0 * (2.1 * t).cos(), 179.0 * (0.33 * t).sin()).unwrap();
        let (least, most) = (cell.distance_km(p), cell.max_distance_km(p));
        // A grid over the cell, from corner to corner.
        let [a, b, c, d] = cell.corners();
        let (mut near, mut far) = (f64::INFINITY, 0.0_f64);
        for i in 0..=40 {
            for j in 0..=40 {
                let (s, t) = (f64::from(i) / 40.0, f64::from(j) / 40.0);
                let v = [0, 1, 2].map(|k| {
                    (1.0 - s) * (1.0 - t) * a[k]
                        + s * (1.0 - t) * b[k]
                        + s * t * c[k]
                        + (1.0 - s) * t * d[k]
                });
                let q = LatLng::from_vector(v).unwrap();
                near = near.min(haversine_km(p, q));
                far = far.max(haversine_km(p, q));
            }
        }
        let step = 2.0 * cell.area_km2().sqrt() / 40.0;
        assert!(
            least <= near + 1e-6 && least >= near - step,
            "{cell} {least} {near}"
        );
        // Haversine loses 0.2 m near the antipode.
        assert!(
            most >= far - 1e-3 && most <= far + step + 1e-3,
            "{cell} {most} {far}"
        );
    }
}

#[test]
fn distance_is_zero_inside_and_continuous_at_the_border() {
    for cell in cells() {
        assert_eq!(cell.distance_km(cell.center()), 0.0);
        for p in cell.corner_places() {
            assert!(cell.distance_km(p) < 1e-8, "{cell}");
        }
    }
}
