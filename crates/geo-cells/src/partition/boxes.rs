//! Boxes of latitude and longitude.

use rstar::{AABB, RTree, primitives::GeomWithData, primitives::Rectangle};
use serde::{Deserialize, Serialize};

use crate::LatLng;

use super::PartitionError;

/// A box in degrees, longitudes in [-180, 180]; it does not cross the antimeridian.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatLngBox {
    /// Southern border.
    pub min_lat: f64,
    /// Western border.
    pub min_lng: f64,
    /// Northern border.
    pub max_lat: f64,
    /// Eastern border.
    pub max_lng: f64,
}

impl LatLngBox {
    /// The whole world.
    pub const WORLD: Self = Self {
        min_lat: -90.0,
        min_lng: -180.0,
        max_lat: 90.0,
        max_lng: 180.0,
    };

    /// Whether the four numbers are a box: inside the world, south to north, west to east.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        (-90.0..=90.0).contains(&self.min_lat)
            && (self.min_lat..=90.0).contains(&self.max_lat)
            && (-180.0..=180.0).contains(&self.min_lng)
            && (self.min_lng..=180.0).contains(&self.max_lng)
    }

    /// The middle of the box; `None` if the box is not [valid](Self::is_valid).
    #[must_use]
    pub fn center(&self) -> Option<LatLng> {
        let lat = 0.5 * (self.min_lat + self.max_lat);
        let place = LatLng::new(lat, 0.5 * (self.min_lng + self.max_lng)).ok();
        place.filter(|_| self.is_valid())
    }

    /// Area in km² on the mean sphere: R² Δλ (sin φ₁ - sin φ₀).
    #[must_use]
    pub fn area_km2(&self) -> f64 {
        let r = crate::EARTH_RADIUS_KM;
        let height = self.max_lat.to_radians().sin() - self.min_lat.to_radians().sin();
        r * r * (self.max_lng - self.min_lng).to_radians() * height
    }

    /// Whether `p` is inside or on the border.
    #[must_use]
    pub fn contains(&self, p: LatLng) -> bool {
        (self.min_lat..=self.max_lat).contains(&p.lat())
            && (self.min_lng..=self.max_lng).contains(&p.lng())
    }

    /// In how many of the two coordinates `p` is not on the upper border.
    fn openness(&self, p: LatLng) -> u8 {
        u8::from(p.lat() < self.max_lat) + u8::from(p.lng() < self.max_lng)
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.min_lat < other.max_lat
            && other.min_lat < self.max_lat
            && self.min_lng < other.max_lng
            && other.min_lng < self.max_lng
    }

    fn rectangle(&self) -> Rectangle<[f64; 2]> {
        Rectangle::from_corners([self.min_lng, self.min_lat], [self.max_lng, self.max_lat])
    }
}

/// One box a class, disjoint but for their borders.
///
/// A place on a border belongs to the box north or east of it, where there is one; otherwise to
/// the first box whose border it is on.
#[derive(Debug, Clone)]
pub struct BoxIndex {
    boxes: Vec<LatLngBox>,
    tree: RTree<GeomWithData<Rectangle<[f64; 2]>, u32>>,
}

impl BoxIndex {
    pub(crate) fn new(boxes: Vec<LatLngBox>) -> Result<Self, PartitionError> {
        if let Some(index) = boxes.iter().position(|b| !b.is_valid()) {
            return Err(PartitionError::Box { index });
        }
        let nodes = boxes
            .iter()
            .zip(0_u32..)
            .map(|(b, i)| GeomWithData::new(b.rectangle(), i))
            .collect();
        let tree: RTree<GeomWithData<Rectangle<[f64; 2]>, u32>> = RTree::bulk_load(nodes);
        for (first, b) in boxes.iter().enumerate() {
            let envelope = AABB::from_corners([b.min_lng, b.min_lat], [b.max_lng, b.max_lat]);
            for node in tree.locate_in_envelope_intersecting(&envelope) {
                let second = node.data as usize;
                if second > first && boxes.get(second).is_some_and(|other| b.overlaps(other)) {
                    return Err(PartitionError::BoxOverlap { first, second });
                }
            }
        }
        Ok(Self { boxes, tree })
    }

    /// The boxes, by class.
    #[must_use]
    pub fn boxes(&self) -> &[LatLngBox] {
        &self.boxes
    }

    /// The class of the box that holds a place.
    #[must_use]
    pub fn index_of(&self, p: LatLng) -> Option<usize> {
        self.tree
            .locate_all_at_point(&[p.lng(), p.lat()])
            .filter_map(|node| {
                let b = self.boxes.get(node.data as usize)?;
                b.contains(p).then_some((2 - b.openness(p), node.data))
            })
            .min()
            .map(|(_, class)| class as usize)
    }
}

impl PartialEq for BoxIndex {
    fn eq(&self, other: &Self) -> bool {
        self.boxes == other.boxes
    }
}
