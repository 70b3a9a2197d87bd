use super::*;
use crate::Kernel;

fn place(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

fn places(n: usize) -> Vec<LatLng> {
    (0..n)
        .map(|k| {
            let t = k as f64;
            place(90.0 * (1.7 * t).sin(), 180.0 * (0.9 * t).cos())
        })
        .collect()
}

#[test]
fn paris_to_london_with_each_radius() {
    let (paris, london) = (place(48.8566, 2.3522), place(51.5074, -0.1278));
    // Computed with 30 digits by the formula of the central angle.
    let expected = [
        (EarthRadius::Rounded, 343.556_06),
        (EarthRadius::S2, 343.556_60),
        (EarthRadius::Equatorial, 343.940_92),
    ];
    for (radius, km) in expected {
        assert!(
            (haversine_km_with(paris, london, radius) - km).abs() < 6e-6,
            "{radius:?}"
        );
    }
    assert!((geodesic_km(paris, london) - 343.923_12).abs() < 6e-6);
    assert!((geodesic_km(place(0.0, 0.0), place(90.0, 0.0)) - 10_001.965_73).abs() < 6e-6);
}

#[test]
fn haversine_is_never_nan_near_the_antipode() {
    let mut count = 0;
    for p in places(20_000) {
        let (lat, lng) = (-p.lat(), p.lng() + 180.0);
        for (a, b) in [(0.0, 0.0), (1e-14, 1e-13), (-3e-9, 2e-12), (0.0, 1e-5)] {
            let q = place((lat + a).clamp(-90.0, 90.0), lng + b);
            let km = haversine_km(p, q);
            assert!(
                km <= std::f64::consts::PI * EARTH_RADIUS_KM && km > 20_014.0,
                "{p} {q} {km}"
            );
            count += 1;
        }
    }
    assert_eq!(count, 80_000);
}

#[test]
fn matrix_equals_haversine() {
    let mut a = places(151);
    a.extend([place(90.0, 0.0), place(-90.0, 0.0), place(0.0, 0.0)]);
    let mut b = places(203);
    // Antipodes, the places themselves, and places a metre to 100 km away.
    b.extend(a.iter().map(|p| place(-p.lat(), p.lng() + 180.0)));
    b.extend(a.iter().copied());
    for step in [1e-5, 1e-3, 0.1, 0.9] {
        b.extend(
            a.iter()
                .map(|p| place((p.lat() + step).min(90.0), p.lng() + step)),
        );
    }
    for &kernel in Kernel::available() {
        let mut km = vec![f64::NAN; a.len() * b.len()];
        distance_matrix_km_with(kernel, &a, &b, &mut km).unwrap();
        for (i, p) in a.iter().enumerate() {
            for (j, q) in b.iter().enumerate() {
                let expected = haversine_km(*p, *q);
                // A metre is 1e-3 km; near the antipode both forms lose digits.
                let tolerance = if expected > 20_000.0 { 3e-4 } else { 1e-6 };
                let actual = km[i * b.len() + j];
                assert!(
                    (actual - expected).abs() < tolerance,
                    "{p} {q} {actual} {expected}"
                );
            }
        }
    }
    let mut km = vec![f32::NAN; a.len() * b.len()];
    distance_matrix_f32_km(&a, &b, &mut km).unwrap();
    for (i, p) in a.iter().enumerate() {
        for (j, q) in b.iter().enumerate() {
            let expected = haversine_km(*p, *q);
            let tolerance = match expected {
                e if e < 100.0 => 1e-3,
                e if e < 15_000.0 => 5e-3,
                _ => 10.0,
            };
            assert!(
                (f64::from(km[i * b.len() + j]) - expected).abs() < tolerance,
                "{p} {q}"
            );
        }
    }
}

#[test]
fn matrix_of_the_wrong_length_is_an_error() {
    let a = places(3);
    assert!(distance_matrix_km(&a, &a, &mut [0.0; 8]).is_err());
    assert!(distance_matrix_km(&a, &[], &mut []).is_ok());
    assert!(distance_matrix_f32_km(&[], &a, &mut [0.0]).is_err());
}

#[test]
fn chords_in_f32_keep_short_distances() {
    let narrow = |p: LatLng| p.to_unit_vector().map(|x| x as f32);
    let (mut worst, mut worst_dot) = (0.0_f64, 0.0_f64);
    for p in places(500) {
        for step in [1e-5, 1e-4, 1e-2, 0.5] {
            let q = place((p.lat() + step).min(90.0), p.lng());
            let expected = haversine_km(p, q);
            let (u, v) = (narrow(p), narrow(q));
            let km = chord_squared_to_km(f64::from(chord_squared_f32(u, v)));
            worst = worst.max((km - expected).abs());
            let dot = u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
            let by_dot = f64::from(dot.min(1.0).acos()) * EARTH_RADIUS_KM;
            worst_dot = worst_dot.max((by_dot - expected).abs());
        }
    }
    println!(
        "worst error up to 100 km in f32: difference {worst:.2e} km, acos(dot) {worst_dot:.2} km"
    );
    assert!(worst < 1e-3 && worst_dot > 1.0);
    for km in [0.0, 1e-3, 1.0, 5000.0, 20_000.0] {
        assert!((chord_squared_to_km(km_to_chord_squared(km)) - km).abs() < 1e-6);
    }
    assert!((km_to_chord_squared(1e9) - 4.0).abs() < 1e-15);
}
