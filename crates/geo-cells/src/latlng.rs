//! Latitude and longitude, the only door through which coordinates enter the library.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a pair of numbers is not a place on the Earth.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum LatLngError {
    /// The latitude is NaN, infinite or outside [-90, 90] degrees.
    #[error("latitude {value} is not a number of degrees in [-90, 90]")]
    Latitude {
        /// The rejected value, in degrees.
        value: f64,
    },
    /// The longitude is NaN, infinite or more than a turn away from the map: outside [-540, 540]
    /// degrees, in files outside [-360, 360].
    #[error("longitude {value} is out of range")]
    Longitude {
        /// The rejected value, in degrees.
        value: f64,
    },
}

/// A place on the sphere: latitude and longitude in degrees, always in this order.
///
/// Both numbers are finite, the latitude lies in [-90, 90] and the longitude in [-180, 180). The
/// default is (0, 0).
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::LatLng;
///
/// let paris = LatLng::new(48.8566, 2.3522)?;
/// assert_eq!(paris.lat(), 48.8566);
/// assert_eq!(LatLng::new(0.0, 190.0)?.lng(), -170.0);
/// assert!(LatLng::new(91.0, 0.0).is_err());
/// assert!(LatLng::new(0.0, 23522.0).is_err());
/// # Ok::<(), geoloc_geo_cells::LatLngError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawLatLng", into = "RawLatLng")]
pub struct LatLng {
    lat: f64,
    lng: f64,
}

/// The serialised form, checked on the way in.
#[derive(Serialize, Deserialize)]
struct RawLatLng {
    lat: f64,
    lng: f64,
}

impl TryFrom<RawLatLng> for LatLng {
    type Error = LatLngError;
    fn try_from(raw: RawLatLng) -> Result<Self, LatLngError> {
        Self::of_file(raw.lat, raw.lng)
    }
}

impl From<LatLng> for RawLatLng {
    fn from(p: LatLng) -> Self {
        Self {
            lat: p.lat,
            lng: p.lng,
        }
    }
}

impl LatLng {
    /// Checks a latitude and a longitude in degrees; a longitude is folded into [-180, 180).
    ///
    /// A sum of a longitude and up to a turn is folded. Anything beyond is a mistake (a lost decimal
    /// point, another unit, another coordinate system), which folding would hide. Readers of files
    /// are stricter: nothing beyond 360 degrees is a longitude there.
    ///
    /// # Errors
    ///
    /// [`LatLngError`] if a number is not finite, the latitude lies outside [-90, 90] or the longitude
    /// outside [-540, 540].
    pub fn new(lat: f64, lng: f64) -> Result<Self, LatLngError> {
        if !(-90.0..=90.0).contains(&lat) {
            return Err(LatLngError::Latitude { value: lat });
        }
        if !(-540.0..=540.0).contains(&lng) {
            return Err(LatLngError::Longitude { value: lng });
        }
        Ok(Self {
            lat,
            lng: fold_lng(lng),
        })
    }

    /// As [`new`](Self::new) for numbers of a file: longitudes beyond 360 degrees are refused.
    pub(crate) fn of_file(lat: f64, lng: f64) -> Result<Self, LatLngError> {
        match Self::new(lat, lng) {
            Ok(_) if lng.abs() > 360.0 => Err(LatLngError::Longitude { value: lng }),
            place => place,
        }
    }

    /// Latitude in degrees, in [-90, 90].
    #[must_use]
    pub fn lat(self) -> f64 {
        self.lat
    }

    /// Longitude in degrees, in [-180, 180).
    #[must_use]
    pub fn lng(self) -> f64 {
        self.lng
    }

    /// The unit vector (cos φ cos λ, cos φ sin λ, sin φ).
    #[must_use]
    pub fn to_unit_vector(self) -> [f64; 3] {
        let (sin_lat, cos_lat) = self.lat.to_radians().sin_cos();
        let (sin_lng, cos_lng) = self.lng.to_radians().sin_cos();
        [cos_lat * cos_lng, cos_lat * sin_lng, sin_lat]
    }

    /// The place in the direction of `v`, which need not have unit length.
    ///
    /// Returns `None` for a zero vector and for one that is not finite.
    #[must_use]
    pub fn from_vector(v: [f64; 3]) -> Option<Self> {
        let [x, y, z] = v;
        let horizontal = x.hypot(y);
        if !(horizontal.is_finite() && z.is_finite()) || (horizontal == 0.0 && z == 0.0) {
            return None;
        }
        Some(Self::of_direction(v))
    }

    /// The place in the direction of `v`, which is known to be finite and not zero.
    pub(crate) fn of_direction([x, y, z]: [f64; 3]) -> Self {
        let lat = z.atan2(x.hypot(y)).to_degrees().clamp(-90.0, 90.0);
        let lng = fold_lng(y.atan2(x).to_degrees());
        Self { lat, lng }
    }
}

impl std::fmt::Display for LatLng {
    /// Six decimals, about 0.1 m: `48.856600, 2.352200`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.6}, {:.6}", self.lat, self.lng)
    }
}

/// Folds a finite longitude into [-180, 180); values already inside are returned unchanged.
fn fold_lng(lng: f64) -> f64 {
    if (-180.0..180.0).contains(&lng) {
        return lng;
    }
    let folded = (lng + 180.0).rem_euclid(360.0) - 180.0;
    if folded >= 180.0 { -180.0 } else { folded }
}
