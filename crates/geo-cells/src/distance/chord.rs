//! The straight line through the Earth: what losses and searches compare.
//!
//! The squared chord between unit vectors is computed from their *difference*. In f32 that is
//! right to half a metre for places up to 100 km apart, where `acos` of the dot product is off by
//! kilometres; near the antipode every f32 form is.

use super::EARTH_RADIUS_KM;

/// Squared chord between two unit vectors, in [0, 4].
#[must_use]
pub fn chord_squared(a: [f64; 3], b: [f64; 3]) -> f64 {
    let [x, y, z] = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
    x * x + y * y + z * z
}

/// Squared chord between two unit vectors in f32, in [0, 4].
#[must_use]
pub fn chord_squared_f32(a: [f32; 3], b: [f32; 3]) -> f32 {
    let [x, y, z] = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
    x * x + y * y + z * z
}

/// Great-circle distance in km of a squared chord; values outside [0, 4] are clamped.
#[must_use]
pub fn chord_squared_to_km(squared: f64) -> f64 {
    2.0 * EARTH_RADIUS_KM * (0.25 * squared).clamp(0.0, 1.0).sqrt().asin()
}

/// Squared chord of a great-circle distance in km; beyond half the circumference it is 4.
#[must_use]
pub fn km_to_chord_squared(km: f64) -> f64 {
    let half = (0.5 * km / EARTH_RADIUS_KM).clamp(0.0, std::f64::consts::FRAC_PI_2);
    let chord = 2.0 * half.sin();
    chord * chord
}
