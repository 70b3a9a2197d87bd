//! Cells, distances and partitions of the world for image geolocalization.
//!
//! Burn-free: everything here works on plain `f64` degrees and `u64` ids.

mod cell_id;
mod distance;
mod estimate;
mod latlng;

pub use cell_id::CellId;
pub use distance::{EARTH_RADIUS_KM, haversine_km};
pub use estimate::{Candidate, Estimate};
pub use latlng::{LatLng, LatLngError};
