#![allow(clippy::float_cmp, reason = "exact numbers are compared")]

use super::*;
use crate::cell::{face_uv_to_vector, uv_bounds};

/// Splitmix64: a deterministic stream of numbers in [0, 1).
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

fn moved(x: f64, ulps: i64) -> f64 {
    f64::from_bits((x.to_bits() as i64).wrapping_add(ulps) as u64)
}

/// Random places, and places where rounding decides: borders of cells and faces, poles, the
/// antimeridian, whole degrees, each moved by up to two units in the last place.
fn places() -> Vec<LatLng> {
    let mut next = stream(7);
    let mut places = Vec::new();
    let mut push = |lat: f64, lng: f64| {
        for (a, b) in [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (2, 2), (-2, -2)] {
            let lat = moved(lat, a).clamp(-90.0, 90.0);
            if let Ok(p) = LatLng::new(lat, moved(lng, b)) {
                places.push(p);
            }
        }
    };
    for lat in (-90..=90).step_by(5) {
        for lng in (-180..=180).step_by(5) {
            push(f64::from(lat), f64::from(lng));
        }
    }
    for _ in 0..3000 {
        let lat = (2.0 * next() - 1.0_f64).asin().to_degrees();
        let lng = 360.0 * next() - 180.0;
        push(lat, lng);
        push((lat * 1e6).round() / 1e6, (lng * 1e6).round() / 1e6);
        push(lat, 180.0);
        push(lat, 45.0 + 90.0 * (4.0 * next()).floor() - 180.0);
        let level = crate::Level::new((31.0 * next()) as u8).unwrap();
        let cell = CellId::from_lat_lng(LatLng::new(lat, lng).unwrap())
            .parent(level)
            .unwrap();
        let (face, [u0, u1], [v0, v1]) = uv_bounds(cell.raw());
        for (u, v) in [
            (u0, v0),
            (u1, v1),
            (u0, 0.5 * (v0 + v1)),
            (0.5 * (u0 + u1), v1),
        ] {
            let p = LatLng::from_vector(face_uv_to_vector(face, u, v)).unwrap();
            push(p.lat(), p.lng());
        }
        let centre = cell.center();
        push(centre.lat(), centre.lng());
    }
    places
}

#[test]
fn every_kernel_gives_the_ids_of_the_one_point_encoder() {
    let places = places();
    let expected: Vec<CellId> = places.iter().map(|p| CellId::from_lat_lng(*p)).collect();
    assert!(places.len() > 100_000);
    for &kernel in Kernel::available() {
        let mut ids = vec![CellId::faces()[0]; places.len()];
        leaf_ids_with(kernel, &places, &mut ids);
        let differ = ids.iter().zip(&expected).filter(|(a, b)| a != b).count();
        assert_eq!(differ, 0, "{kernel:?}");
    }
}

#[test]
fn lengths_that_are_no_whole_blocks() {
    let places = places();
    for n in [0, 1, 15, 16, 17, 31, 33] {
        let mut ids = vec![CellId::faces()[5]; 40];
        leaf_ids(&places[..n], &mut ids);
        for (k, id) in ids.iter().enumerate() {
            let expected = if k < n {
                CellId::from_lat_lng(places[k])
            } else {
                CellId::faces()[5]
            };
            assert_eq!(*id, expected);
        }
        let mut short = vec![CellId::faces()[5]; 20];
        leaf_ids(&places, &mut short);
        assert_eq!(short[19], CellId::from_lat_lng(places[19]));
    }
}

#[test]
fn every_kernel_decodes_to_the_centres() {
    let leaves: Vec<CellId> = places()
        .iter()
        .take(20_003)
        .map(|p| CellId::from_lat_lng(*p))
        .collect();
    for &kernel in Kernel::available() {
        let mut k = 0;
        kernels::decode(kernel, &leaves, |u| {
            assert_eq!(
                u,
                leaves[k].center_unit_vector(),
                "{kernel:?} {}",
                leaves[k]
            );
            k += 1;
        });
        assert_eq!(k, leaves.len());
    }
}
