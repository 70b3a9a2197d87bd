//! Cells, distances and partitions of the world for image geolocalization.
//!
//! Burn-free: everything here works on plain `f64` degrees and `u64` ids.

mod cell;
mod distance;
mod encode;
mod estimate;
mod kernels;
mod latlng;
mod partition;
mod region;
mod vector;

pub use cell::{CellId, CellIdError, Level, LevelError, TokenError};
pub use distance::{
    DistanceMatrixError, EARTH_RADIUS_KM, EarthRadius, chord_squared, chord_squared_f32,
    chord_squared_to_km, distance_matrix_f32_km, distance_matrix_km, distance_matrix_km_with,
    geodesic_km, haversine_km, haversine_km_with, km_to_chord_squared,
};
pub use encode::{leaf_ids, leaf_ids_with};
pub use estimate::{Candidate, Estimate};
pub use kernels::Kernel;
pub use latlng::{LatLng, LatLngError};
pub use partition::{
    AdaptivePartition, CellFeatures, CellIndex, CellLocation, DropReason, Dropped,
    GeoclassSetConfig, GeoclassSets, Geometry, Hierarchy, LevelCount, NestedPartition, Partition,
    PartitionBuilder, PartitionBytesError, PartitionError, PartitionReport, SmallCells,
};
pub use region::{Cap, Covering, CoveringError, LatLngRect, RectError};
