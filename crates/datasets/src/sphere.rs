//! Small steps and even point sets on the sphere.

use geoloc_geo_cells::{EARTH_RADIUS_KM, LatLng};

/// Unit vectors to the east and to the north at a place; at a pole its longitude says which way.
pub(crate) fn east_north(place: LatLng) -> ([f64; 3], [f64; 3]) {
    let (sin_lat, cos_lat) = place.lat().to_radians().sin_cos();
    let (sin_lng, cos_lng) = place.lng().to_radians().sin_cos();
    (
        [-sin_lng, cos_lng, 0.0],
        [-sin_lat * cos_lng, -sin_lat * sin_lng, cos_lat],
    )
}

/// The place `east_km` east and `north_km` north, along one great circle (the exponential map).
pub(crate) fn offset(place: LatLng, east_km: f64, north_km: f64) -> LatLng {
    let angle = east_km.hypot(north_km) / EARTH_RADIUS_KM;
    if !(angle.is_finite() && angle > 0.0) {
        return place;
    }
    let (east, north) = east_north(place);
    let out = place.to_unit_vector();
    let (sin, cos) = angle.sin_cos();
    let step = sin / (angle * EARTH_RADIUS_KM);
    let v =
        std::array::from_fn(|k| cos * out[k] + step * (east_km * east[k] + north_km * north[k]));
    LatLng::from_vector(v).unwrap_or(place)
}

/// Dot product.
pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Half the width in degrees of longitude of the circle of `radius_km` about a place at `lat`
/// degrees: asin(sin ρ / cos φ), or 180 if the circle holds a pole.
pub(crate) fn half_width_deg(lat: f64, radius_km: f64) -> f64 {
    let rho = radius_km / EARTH_RADIUS_KM;
    let phi = lat.to_radians();
    if phi.abs() + rho >= std::f64::consts::FRAC_PI_2 {
        return 180.0;
    }
    (rho.sin() / phi.cos()).clamp(0.0, 1.0).asin().to_degrees()
}

/// `a - b` in degrees of longitude, folded into [-180, 180).
pub(crate) fn lng_difference(a: f64, b: f64) -> f64 {
    (a - b + 180.0).rem_euclid(360.0) - 180.0
}

/// The points of a Fibonacci lattice over the whole sphere, one for every `spacing_km`² (Swinbank
/// and Purser 2006): equal area, near-regular, the same on every machine; empty for a spacing that
/// is not a positive number. `turn_deg` turns it about the axis.
///
/// The distance from a point to its nearest neighbour lies between 0.8 and 1.1 spacings away from
/// the poles.
pub(crate) fn lattice(spacing_km: f64, turn_deg: f64) -> impl Iterator<Item = LatLng> {
    let area = 4.0 * std::f64::consts::PI * EARTH_RADIUS_KM * EARTH_RADIUS_KM;
    let count = area / (spacing_km * spacing_km);
    let count = if spacing_km > 0.0 && count.is_finite() {
        count.round() as u64
    } else {
        0
    };
    let golden = 180.0 * (3.0 - 5.0_f64.sqrt());
    (0..count).filter_map(move |i| {
        let z = 1.0 - (2.0 * i as f64 + 1.0) / count as f64;
        let lng = (i as f64 * golden + turn_deg).rem_euclid(360.0);
        LatLng::new(z.clamp(-1.0, 1.0).asin().to_degrees(), lng).ok()
    })
}
