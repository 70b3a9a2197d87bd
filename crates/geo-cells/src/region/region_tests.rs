#![allow(clippy::float_cmp, reason = "exact numbers are compared")]

use super::*;
use crate::{LatLng, haversine_km};

fn stream(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn uniform(next: &mut impl FnMut() -> f64) -> LatLng {
    let lat = (2.0 * next() - 1.0).asin().to_degrees();
    LatLng::new(lat, 360.0 * next() - 180.0).unwrap()
}

fn covered(cells: &[CellId], p: LatLng) -> bool {
    let leaf = CellId::from_lat_lng(p);
    cells.iter().any(|cell| cell.contains(leaf))
}

/// A place at a distance and bearing from another, by the exponential map.
fn place_at(center: LatLng, km: f64, bearing: f64) -> LatLng {
    let (r, b) = (km / crate::EARTH_RADIUS_KM, bearing);
    let (sin_lat, cos_lat) = center.lat().to_radians().sin_cos();
    let lat = (sin_lat * r.cos() + cos_lat * r.sin() * b.cos())
        .clamp(-1.0, 1.0)
        .asin();
    let y = b.sin() * r.sin() * cos_lat;
    let x = r.cos() - sin_lat * lat.sin();
    LatLng::new(lat.to_degrees(), center.lng() + y.atan2(x).to_degrees()).unwrap()
}

#[test]
fn caps_are_covered() {
    let mut next = stream(1);
    for k in 0..300 {
        let center = if k % 10 == 0 {
            LatLng::new(if k % 20 == 0 { 90.0 } else { -90.0 }, 0.0).unwrap()
        } else {
            uniform(&mut next)
        };
        let cap = Cap::new(center, 10.0_f64.powf(-3.0 + 7.3 * next()));
        let covering = Covering {
            max_cells: 4 + k % 30,
            ..Covering::default()
        };
        let cells = covering.cap(&cap).unwrap();
        assert!(cells.windows(2).all(|pair| !pair[0].intersects(pair[1])));
        for _ in 0..200 {
            let p = place_at(center, cap.radius_km() * next(), 6.3 * next());
            assert!(!cap.contains(p) || covered(&cells, p), "{cap:?} {p}");
            assert!(
                !cap.contains(p) || cap.bound().contains(p),
                "{cap:?} {p} {:?}",
                cap.bound()
            );
        }
        // No cell is superfluous.
        assert!(
            cells
                .iter()
                .all(|cell| cell.distance_km(center) <= cap.radius_km() + 1e-6)
        );
        let many = Covering {
            max_cells: 100,
            ..Covering::default()
        }
        .cap(&cap)
        .unwrap();
        let area: f64 = many.iter().map(|cell| cell.area_km2()).sum();
        assert!(area >= cap.area_km2() * 0.999);
        assert!(
            area < 3.0 * cap.area_km2() || cap.radius_km() > 8000.0,
            "{cap:?} {area}"
        );
    }
}

#[test]
fn unions_of_caps_hold_both() {
    let mut next = stream(2);
    for k in 0..2000 {
        let a = Cap::new(uniform(&mut next), 6000.0 * next() * next());
        let b = if k % 10 == 0 {
            let p = a.center();
            Cap::new(
                LatLng::new(-p.lat(), p.lng() + 180.0).unwrap(),
                100.0 * next(),
            )
        } else {
            Cap::new(uniform(&mut next), 6000.0 * next() * next())
        };
        let union = a.union(&b);
        for cap in [&a, &b] {
            for _ in 0..20 {
                let p = place_at(cap.center(), cap.radius_km() * (1.0 - 1e-9), 6.3 * next());
                assert!(
                    haversine_km(union.center(), p) <= union.radius_km() + 1e-3,
                    "{a:?} {b:?} {union:?}"
                );
            }
        }
        let least = haversine_km(a.center(), b.center()) + a.radius_km() + b.radius_km();
        if k % 10 != 0 {
            assert!(union.radius_km() <= a.radius_km().max(b.radius_km()).max(0.5 * least) + 1e-3);
        }
    }
}

#[test]
fn rectangles_are_covered() {
    let mut next = stream(3);
    // The first is what crate s2 0.2.0 covers without face 0.
    let mut rects = vec![
        LatLngRect::new(40.95, -42.77, 61.75, 41.72).unwrap(),
        LatLngRect::new(-90.0, -180.0, 90.0, 180.0).unwrap(),
        LatLngRect::new(80.0, 10.0, 90.0, 200.0).unwrap(),
        LatLngRect::new(0.0, 0.0, 0.0, 0.0).unwrap(),
        LatLngRect::new(10.0, 170.0, 11.0, -170.0).unwrap(),
    ];
    for _ in 0..400 {
        let p = uniform(&mut next);
        let scale = 10.0_f64.powf(-4.0 + 4.0 * next());
        let north = (p.lat() + 180.0 * scale * next()).min(90.0);
        rects.push(
            LatLngRect::new(p.lat(), p.lng(), north, p.lng() + 360.0 * scale * next()).unwrap(),
        );
    }
    for (k, rect) in rects.iter().enumerate() {
        for covering in [
            Covering {
                max_cells: 1 + k % 40,
                ..Covering::default()
            },
            Covering {
                max_cells: 20,
                min_level: Level::new(3).unwrap(),
                max_level: Level::new(7).unwrap(),
            },
        ] {
            let cells = covering.rect(rect).unwrap();
            assert!(cells.windows(2).all(|pair| !pair[0].intersects(pair[1])));
            assert!(
                cells
                    .iter()
                    .all(|c| (covering.min_level..=covering.max_level).contains(&c.level()))
            );
            let width = rect.east() - rect.west();
            for i in 0..300 {
                // Half of the places on the border.
                let edge = |t: f64| if i % 2 == 0 { t } else { t.round() };
                let lat = rect.south() + (rect.north() - rect.south()) * edge(next());
                let lng = rect.west() + width * next();
                let p = LatLng::new(lat.min(rect.north()), lng).unwrap();
                assert!(!rect.contains(p) || covered(&cells, p), "{rect:?} {p}");
            }
        }
    }
}

#[test]
fn bounds_hold_their_cells_tightly() {
    let mut next = stream(4);
    for k in 0..3000 {
        let p = match k % 8 {
            0 => LatLng::new(if k % 16 == 0 { 90.0 } else { -90.0 }, 0.0).unwrap(),
            1 => LatLng::new(170.0 * next() - 85.0, 180.0).unwrap(),
            _ => uniform(&mut next),
        };
        let level = Level::new((k % 31) as u8).unwrap();
        let cell = CellId::from_lat_lng(p).parent(level).unwrap();
        let bound = LatLngRect::bound_of(cell);
        let [a, b, c, d] = cell.corners();
        let mut top = -90.0_f64;
        for i in 0..=20 {
            for j in 0..=20 {
                let (s, t) = (f64::from(i) / 20.0, f64::from(j) / 20.0);
                let v = [0, 1, 2].map(|k| {
                    (1.0 - s) * (1.0 - t) * a[k]
                        + s * (1.0 - t) * b[k]
                        + s * t * c[k]
                        + (1.0 - s) * t * d[k]
                });
                let q = LatLng::from_vector(v).unwrap();
                assert!(bound.contains(q), "{cell} {q} {bound:?}");
                top = top.max(q.lat());
            }
        }
        let size = (cell.area_steradian().sqrt()).to_degrees();
        assert!(
            bound.north() - top < 0.1 * size + 1e-8,
            "{cell} {bound:?} {top}"
        );
    }
}

#[test]
fn wrong_numbers_are_errors() {
    assert!(LatLngRect::new(10.0, 0.0, 5.0, 1.0).is_err());
    assert!(LatLngRect::new(-91.0, 0.0, 5.0, 1.0).is_err());
    assert!(LatLngRect::new(f64::NAN, 0.0, 5.0, 1.0).is_err());
    assert!(LatLngRect::new(0.0, f64::NAN, 5.0, 1.0).is_err());
    assert!(LatLngRect::new(0.0, 0.0, 5.0, f64::INFINITY).is_err());
    let covering = Covering {
        min_level: Level::LEAF,
        max_level: Level::FACE,
        max_cells: 8,
    };
    assert!(covering.cap(&Cap::new(LatLng::default(), 1.0)).is_err());
    assert_eq!(Cap::new(LatLng::default(), f64::NAN).radius_km(), 0.0);
    let most = Cap::new(LatLng::default(), f64::INFINITY);
    assert_eq!(Covering::default().cap(&most).unwrap(), CellId::faces());
}
