//! Distances on the sphere and on the WGS84 ellipsoid.

mod chord;
mod geodesic;
mod matrix;
mod radius;

pub use chord::{chord_squared, chord_squared_f32, chord_squared_to_km, km_to_chord_squared};
pub use geodesic::geodesic_km;
pub use matrix::{
    DistanceMatrixError, distance_matrix_f32_km, distance_matrix_km, distance_matrix_km_with,
};
pub use radius::EarthRadius;

pub(crate) use matrix::{Columns, rows_f32, rows_f64};

use crate::LatLng;

/// Mean radius of the Earth in km (IUGG mean radius R1), the default of every distance here.
pub const EARTH_RADIUS_KM: f64 = 6371.0088;

/// Great-circle distance in km on a sphere of radius [`EARTH_RADIUS_KM`].
///
/// The haversine formula (Sinnott 1984) with its argument clamped to [0, 1]: never NaN, also near
/// the antipode.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{LatLng, haversine_km};
///
/// let paris = LatLng::new(48.8566, 2.3522)?;
/// let london = LatLng::new(51.5074, -0.1278)?;
/// assert!((haversine_km(paris, london) - 343.5565).abs() < 1e-3);
/// # Ok::<(), geoloc_geo_cells::LatLngError>(())
/// ```
#[must_use]
pub fn haversine_km(a: LatLng, b: LatLng) -> f64 {
    haversine_km_with(a, b, EarthRadius::Mean)
}

/// Great-circle distance in km on a sphere of the radius that a paper or program uses.
#[must_use]
pub fn haversine_km_with(a: LatLng, b: LatLng, radius: EarthRadius) -> f64 {
    let half_dlat = (b.lat() - a.lat()).to_radians() / 2.0;
    let half_dlng = (b.lng() - a.lng()).to_radians() / 2.0;
    let cos_product = a.lat().to_radians().cos() * b.lat().to_radians().cos();
    let h = half_dlat.sin().powi(2) + cos_product * half_dlng.sin().powi(2);
    2.0 * radius.km() * h.clamp(0.0, 1.0).sqrt().asin()
}

#[cfg(test)]
#[path = "distance_tests.rs"]
mod tests;
