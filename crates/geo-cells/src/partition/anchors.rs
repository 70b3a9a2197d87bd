//! Ground nearest to given places.

use crate::LatLng;
use crate::distance::chord_squared_to_km;

use super::nearest::NearestIndex;

/// One place a class; ground belongs to the nearest one (spherical Voronoi cells), at most
/// `max_km` away where that is set.
#[derive(Debug, Clone)]
pub struct Anchors {
    places: Vec<LatLng>,
    max_km: Option<f64>,
    index: NearestIndex,
}

impl Anchors {
    pub(crate) fn new(places: Vec<LatLng>, max_km: Option<f64>) -> Self {
        Self {
            index: NearestIndex::new(&places),
            places,
            max_km,
        }
    }

    /// The places, by class.
    #[must_use]
    pub fn places(&self) -> &[LatLng] {
        &self.places
    }

    /// Distance in km beyond which ground belongs to no class.
    #[must_use]
    pub fn max_km(&self) -> Option<f64> {
        self.max_km
    }

    /// The class of the nearest place; the lowest of equals.
    #[must_use]
    pub fn index_of(&self, p: LatLng) -> Option<usize> {
        let (class, squared) = self.index.nearest(p)?;
        let near = self
            .max_km
            .is_none_or(|max| chord_squared_to_km(squared) <= max);
        near.then_some(class)
    }
}

impl PartialEq for Anchors {
    fn eq(&self, other: &Self) -> bool {
        self.places == other.places && self.max_km == other.max_km
    }
}
