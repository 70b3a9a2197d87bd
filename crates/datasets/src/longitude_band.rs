//! Bands of longitudes, and which circles on the ground reach into them.

use geoloc_geo_cells::LatLng;
use serde::{Deserialize, Serialize};

use crate::sphere::{half_width_deg, lng_difference};

/// A band of longitudes from `west` eastwards to `east`, in degrees; may cross the antimeridian.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LongitudeBand {
    /// Western edge in degrees.
    pub west: f64,
    /// Eastern edge in degrees.
    pub east: f64,
}

impl LongitudeBand {
    fn half_width(self) -> f64 {
        (self.east - self.west).rem_euclid(360.0) / 2.0
    }

    fn distance_from_middle(self, lng: f64) -> f64 {
        lng_difference(lng, self.west + self.half_width()).abs()
    }

    /// Whether the circle of `radius_km` about `place` touches the band.
    #[must_use]
    pub fn touches(self, place: LatLng, radius_km: f64) -> bool {
        let reach = self.half_width() + half_width_deg(place.lat(), radius_km);
        self.distance_from_middle(place.lng()) <= reach
    }

    /// Whether the circle of `radius_km` about `place` lies inside the band.
    #[must_use]
    pub fn holds(self, place: LatLng, radius_km: f64) -> bool {
        let room = self.half_width() - half_width_deg(place.lat(), radius_km);
        self.distance_from_middle(place.lng()) <= room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(lat: f64, lng: f64) -> LatLng {
        LatLng::new(lat, lng).unwrap()
    }

    #[test]
    fn a_circle_touches_a_band_where_its_edge_does() {
        let band = LongitudeBand {
            west: 170.0,
            east: -170.0,
        };
        // At the equator 111.195 km are one degree.
        assert!(band.touches(place(0.0, 168.5), 222.0));
        assert!(!band.touches(place(0.0, 167.9), 222.0));
        assert!(!band.touches(place(0.0, -167.9), 222.0));
        // At 60 degrees, a little over twice as many degrees.
        assert!(band.touches(place(60.0, 166.2), 222.0));
        assert!(!band.touches(place(60.0, 165.9), 222.0));
        // A circle about the pole touches every band and lies in none.
        assert!(band.touches(place(89.0, 0.0), 222.0) && !band.holds(place(89.0, 180.0), 222.0));
        assert!(band.holds(place(0.0, 172.1), 222.0) && !band.holds(place(0.0, 171.9), 222.0));
    }
}
