//! Which region a place is in.

use crate::LatLng;
use crate::partition::PartitionError;

use super::{Region, RegionIndex};

/// Regions to look places up in: the country of a point, its state, its district.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{LatLng, RegionMap, read_regions_geojson};
///
/// let text = r#"{"type": "FeatureCollection", "features": [{"type": "Feature",
///     "properties": {"name": "Square"}, "geometry": {"type": "Polygon",
///     "coordinates": [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]}}]}"#;
/// let map = RegionMap::new(read_regions_geojson(text, "name", None)?)?;
/// let region = map.region_of(LatLng::new(5.0, 5.0)?);
/// assert_eq!(region.map(|r| r.name.as_str()), Some("Square"));
/// assert!(map.region_of(LatLng::new(5.0, 15.0)?).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RegionMap {
    regions: Vec<Region>,
    index: RegionIndex,
}

impl RegionMap {
    /// Indexes regions; where they overlap, the first one counts.
    ///
    /// # Errors
    ///
    /// [`PartitionError`] if there are no regions.
    pub fn new(regions: Vec<Region>) -> Result<Self, PartitionError> {
        if regions.is_empty() {
            return Err(PartitionError::Length {
                what: "regions",
                expected: 1,
                actual: 0,
            });
        }
        let index = RegionIndex::whole(&regions)?;
        Ok(Self { regions, index })
    }

    /// The regions, in the order given.
    #[must_use]
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// Index of the region that holds a place; `None` outside all.
    #[must_use]
    pub fn index_of(&self, p: LatLng) -> Option<usize> {
        self.index.index_of(p)
    }

    /// The region that holds a place; `None` outside all.
    #[must_use]
    pub fn region_of(&self, p: LatLng) -> Option<&Region> {
        self.regions.get(self.index_of(p)?)
    }
}
