//! Distances on the sphere and on the WGS84 ellipsoid.

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
    let half_dlat = (b.lat() - a.lat()).to_radians() / 2.0;
    let half_dlng = (b.lng() - a.lng()).to_radians() / 2.0;
    let cos_product = a.lat().to_radians().cos() * b.lat().to_radians().cos();
    let h = half_dlat.sin().powi(2) + cos_product * half_dlng.sin().powi(2);
    2.0 * EARTH_RADIUS_KM * h.clamp(0.0, 1.0).sqrt().asin()
}
