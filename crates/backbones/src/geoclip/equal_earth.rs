//! The Equal Earth projection.

use geoloc_geo_cells::LatLng;

/// Coefficients of Šavrič, Patterson and Jenny, "The Equal Earth map projection" (2019).
const A: [f64; 4] = [1.340_264, -0.081_106, 0.000_893, 0.003_796];

/// `GeoCLIP` multiplies by this and divides by 180.
const SCALE: f64 = 66.503_36;

/// A place on the Equal Earth map, scaled as `GeoCLIP` does: x to the east from about -1 to 1, y to
/// the north from about -0.49 to 0.49.
#[must_use]
pub fn equal_earth(place: LatLng) -> [f64; 2] {
    let (latitude, longitude) = (place.lat().to_radians(), place.lng().to_radians());
    let root = 3.0_f64.sqrt();
    let t = (root / 2.0 * latitude.sin()).asin();
    let square = t * t;
    let sixth = square * square * square;
    let slope = A[0] + 3.0 * A[1] * square + sixth * (7.0 * A[2] + 9.0 * A[3] * square);
    let x = 2.0 * root * longitude * t.cos() / (3.0 * slope);
    let y = t * (A[0] + A[1] * square + sixth * (A[2] + A[3] * square));
    [x, y].map(|v| v * SCALE / 180.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_has_the_published_proportions() {
        let at = |lat, lng| equal_earth(LatLng::new(lat, lng).unwrap());
        assert!(at(0.0, 0.0).iter().all(|v| v.abs() < 1e-15));
        let width = 2.0 * at(0.0, 179.999_999_999)[0];
        let height = at(90.0, 0.0)[1] - at(-90.0, 0.0)[1];
        // Section 3 of the paper: height to width 1 : 2.05458, poles 0.59247 times the equator.
        assert!(
            (width / height - 2.05458).abs() < 1e-4,
            "{}",
            width / height
        );
        let pole = at(90.0, 179.999_999_999)[0] / at(0.0, 179.999_999_999)[0];
        assert!((pole - 0.59247).abs() < 1e-4, "{pole}");
        // Equal areas: a strip of half a degree has the area of the sphere's, at any latitude.
        let area = |lat: f64| {
            let d = 0.25;
            let y = at(lat + d, 0.0)[1] - at(lat - d, 0.0)[1];
            let sphere = (lat + d).to_radians().sin() - (lat - d).to_radians().sin();
            at(lat, 1.0)[0] * y / sphere
        };
        for lat in [-80.0, -45.0, 30.0, 70.0] {
            assert!((area(lat) / area(0.0) - 1.0).abs() < 1e-4, "{lat}");
        }
    }
}
