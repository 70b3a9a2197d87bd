//! Leaf ids of many places at once.

use crate::{CellId, LatLng};

/// The leaf id of each place, the same as [`CellId::from_lat_lng`].
///
/// As many ids are written as both slices have elements.
pub fn leaf_ids(places: &[LatLng], ids: &mut [CellId]) {
    for (p, id) in places.iter().zip(ids) {
        *id = CellId::from_lat_lng(*p);
    }
}
