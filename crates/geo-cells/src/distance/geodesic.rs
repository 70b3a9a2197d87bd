//! Distance on the ellipsoid.

use geo::{Distance as _, Geodesic, Point};

use crate::LatLng;

/// Geodesic distance in km on the WGS84 ellipsoid (Karney 2013, by crate `geo`).
///
/// Up to 0.56 % off the sphere; published accuracies of image geolocalization use the sphere.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{LatLng, geodesic_km};
///
/// let equator = geodesic_km(LatLng::new(0.0, 0.0)?, LatLng::new(0.0, 90.0)?);
/// assert!((equator - 10_018.754_17).abs() < 1e-5);
/// # Ok::<(), geoloc_geo_cells::LatLngError>(())
/// ```
#[must_use]
pub fn geodesic_km(a: LatLng, b: LatLng) -> f64 {
    Geodesic.distance(to_point(a), to_point(b)) / 1000.0
}

/// The one place where the order turns to (longitude, latitude).
fn to_point(p: LatLng) -> Point<f64> {
    Point::new(p.lng(), p.lat())
}
