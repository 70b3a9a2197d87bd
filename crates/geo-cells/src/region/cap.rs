//! A disc on the sphere.

use serde::{Deserialize, Serialize};

use super::{LatLngRect, Region};
use crate::vector::{cross, difference, dot, sum};
use crate::{CellId, EARTH_RADIUS_KM, LatLng, haversine_km};

/// Rounding of distances, in km: 0.1 mm, far above what f64 loses.
const SLACK_KM: f64 = 1e-7;

/// All ground within a distance of a place.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{Cap, LatLng};
///
/// let paris = Cap::new(LatLng::new(48.8566, 2.3522)?, 25.0);
/// assert!(paris.contains(LatLng::new(48.80, 2.13)?));
/// assert!(!paris.contains(LatLng::new(49.5, 2.35)?));
/// # Ok::<(), geoloc_geo_cells::LatLngError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cap {
    center: LatLng,
    radius_km: f64,
}

impl Cap {
    /// The ground within `radius_km` of `center`; the radius is clamped to 0 and half the
    /// circumference, and NaN counts as 0.
    #[must_use]
    pub fn new(center: LatLng, radius_km: f64) -> Self {
        let most = std::f64::consts::PI * EARTH_RADIUS_KM;
        let radius_km = if radius_km.is_nan() {
            0.0
        } else {
            radius_km.clamp(0.0, most)
        };
        Self { center, radius_km }
    }

    /// The place in the middle.
    #[must_use]
    pub fn center(&self) -> LatLng {
        self.center
    }

    /// The radius in km, along the ground.
    #[must_use]
    pub fn radius_km(&self) -> f64 {
        self.radius_km
    }

    /// Whether `p` is within the radius.
    #[must_use]
    pub fn contains(&self, p: LatLng) -> bool {
        haversine_km(self.center, p) <= self.radius_km
    }

    /// Area in km²: 2π R² (1 - cos r).
    #[must_use]
    pub fn area_km2(&self) -> f64 {
        let half = (0.5 * self.radius_km / EARTH_RADIUS_KM).sin();
        4.0 * std::f64::consts::PI * (EARTH_RADIUS_KM * half).powi(2)
    }

    /// The smallest latitude-longitude rectangle around the cap.
    #[must_use]
    pub fn bound(&self) -> LatLngRect {
        let radius = (self.radius_km + SLACK_KM) / EARTH_RADIUS_KM;
        let degrees = radius.to_degrees();
        let (south, north) = (self.center.lat() - degrees, self.center.lat() + degrees);
        if south <= -90.0 || north >= 90.0 {
            // A pole is inside, or touched: all longitudes.
            return LatLngRect::band(south.max(-90.0), north.min(90.0));
        }
        // The meridian that touches the cap: sin(Δλ) = sin(r) / cos(φ).
        let ratio = radius.sin() / self.center.lat().to_radians().cos();
        if ratio >= 1.0 {
            return LatLngRect::band(south, north);
        }
        let half = ratio.asin().to_degrees() * (1.0 + 1e-12) + 1e-12;
        LatLngRect::around(south, north, self.center.lng(), half)
    }

    /// The smallest cap that holds both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let apart = haversine_km(self.center, other.center);
        if apart + other.radius_km <= self.radius_km {
            return *self;
        }
        if apart + self.radius_km <= other.radius_km {
            return *other;
        }
        let radius = 0.5 * (apart + self.radius_km + other.radius_km);
        // The new centre lies on the way from one centre to the other.
        let step = (radius - self.radius_km) / EARTH_RADIUS_KM;
        let (a, b) = (self.center.to_unit_vector(), other.center.to_unit_vector());
        let axis = cross(sum(a, b), difference(b, a));
        let length = dot(axis, axis).sqrt();
        let toward = cross(axis, a).map(|x| x / length);
        let center = [0, 1, 2].map(|k| a[k] * step.cos() + toward[k] * step.sin());
        // Antipodal or equal centres have no way between them: keep the centre and reach over.
        let center = if length > 1e-12 {
            LatLng::from_vector(center)
        } else {
            None
        };
        match center {
            Some(center) => Self::new(center, radius + SLACK_KM),
            None => Self::new(self.center, self.radius_km.max(apart + other.radius_km)),
        }
    }
}

impl Region for Cap {
    fn contains_cell(&self, cell: CellId) -> bool {
        cell.max_distance_km(self.center) + SLACK_KM <= self.radius_km
    }

    fn may_intersect(&self, cell: CellId) -> bool {
        cell.distance_km(self.center) <= self.radius_km + SLACK_KM
    }
}
