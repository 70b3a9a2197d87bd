//! Names of located points: the nearest GeoNames place and its country.

use reverse_geocoder::ReverseGeocoder;
use serde::{Deserialize, Serialize};

use crate::{LatLng, haversine_km};

/// A named place near a point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Name of the town or village.
    pub name: String,
    /// State or province.
    pub admin1: String,
    /// District; may be empty.
    pub admin2: String,
    /// Country code, ISO 3166-1 alpha-2.
    pub country: String,
    /// Where the place is.
    pub location: LatLng,
    /// Great-circle distance in km from the point asked for.
    pub distance_km: f64,
}

/// Nearest of about 145,000 GeoNames places (CC BY 4.0), embedded in the program.
///
/// The country is that of the nearest place: near borders, and for points at sea, it can differ
/// from the country on the map. For exact borders use a
/// [`RegionMap`](crate::RegionMap) of polygons.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{LatLng, Places};
///
/// let places = Places::new();
/// let near = places.nearest(LatLng::new(48.8584, 2.2945)?);
/// assert_eq!((near.country.as_str(), near.admin1.as_str()), ("FR", "Ile-de-France"));
/// assert!(near.distance_km < 10.0);
/// # Ok::<(), geoloc_geo_cells::LatLngError>(())
/// ```
pub struct Places(ReverseGeocoder);

impl Places {
    /// Reads the embedded table: takes a moment, so keep the value.
    #[must_use]
    pub fn new() -> Self {
        Self(ReverseGeocoder::new())
    }

    /// The nearest place by great-circle distance.
    #[allow(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "the table is part of the program"
    )]
    #[must_use]
    pub fn nearest(&self, p: LatLng) -> Place {
        let record = self.0.search((p.lat(), p.lng())).record;
        let location = LatLng::new(record.lat, record.lon).expect("the table holds places");
        Place {
            name: record.name.clone(),
            admin1: record.admin1.clone(),
            admin2: record.admin2.clone(),
            country: record.cc.clone(),
            location,
            distance_km: haversine_km(p, location),
        }
    }

    /// Country code (ISO 3166-1 alpha-2) of the nearest place.
    #[must_use]
    pub fn country(&self, p: LatLng) -> String {
        self.nearest(p).country
    }
}

impl Default for Places {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Places {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Places")
    }
}
