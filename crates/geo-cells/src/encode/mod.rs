//! Leaf ids of many places at once, and back.
//!
//! The batch encoder works on blocks of sixteen points in a form that compilers turn into vector
//! instructions; the widest that the processor has is chosen at run time. Every kernel gives the
//! ids of the one-point encoder: a point too close to the border of a leaf or of a face for the
//! kernel's arithmetic is encoded again one by one.

mod block;
mod decode;

pub(crate) use block::{LANES, encode as encode_block};
pub(crate) use decode::decode as decode_block;

use crate::kernels::{self, Kernel};
use crate::{CellId, LatLng};

/// The leaf id of each place, the same as [`CellId::from_lat_lng`], several times as fast.
///
/// As many ids are written as both slices have elements.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{CellId, LatLng, leaf_ids};
///
/// let places = [LatLng::new(48.8566, 2.3522)?, LatLng::new(-33.8688, 151.2093)?];
/// let mut ids = [CellId::faces()[0]; 2];
/// leaf_ids(&places, &mut ids);
/// assert_eq!(ids.map(CellId::token), ["47e66e1d8f8be23b", "6b12ae3ff6290055"]);
/// # Ok::<(), geoloc_geo_cells::LatLngError>(())
/// ```
pub fn leaf_ids(places: &[LatLng], ids: &mut [CellId]) {
    leaf_ids_with(Kernel::detect(), places, ids);
}

/// The leaf id of each place.
pub(crate) fn leaves_of(places: &[LatLng]) -> Vec<CellId> {
    // Every element is overwritten.
    let mut ids = vec![CellId::faces()[0]; places.len()];
    leaf_ids(places, &mut ids);
    ids
}

/// As [`leaf_ids`], with a chosen kernel: for measurements and tests.
///
/// A kernel that this processor cannot run is replaced by [`Kernel::Portable`].
pub fn leaf_ids_with(kernel: Kernel, places: &[LatLng], ids: &mut [CellId]) {
    kernels::encode(kernel, places, ids);
}

/// Unit vectors towards the centres of leaves, in their order.
pub(crate) fn leaf_vectors(leaves: &[CellId], visit: impl FnMut([f64; 3])) {
    kernels::decode(Kernel::detect(), leaves, visit);
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
