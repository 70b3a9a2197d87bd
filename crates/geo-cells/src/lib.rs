//! Cells, distances and partitions of the world for image geolocalization.
//!
//! Burn-free: everything here works on plain `f64` degrees and `u64` ids.

mod cell;
mod distance;
mod encode;
mod estimate;
mod latlng;
mod partition;

pub use cell::{CellId, CellIdError, Level, LevelError, TokenError};
pub use distance::{EARTH_RADIUS_KM, haversine_km};
pub use encode::{Kernel, leaf_ids, leaf_ids_with};
pub use estimate::{Candidate, Estimate};
pub use latlng::{LatLng, LatLngError};
pub use partition::{
    AdaptivePartition, CellFeatures, CellIndex, CellLocation, DropReason, Dropped,
    GeoclassSetConfig, GeoclassSets, Geometry, Hierarchy, LevelCount, NestedPartition, Partition,
    PartitionBuilder, PartitionBytesError, PartitionError, PartitionReport, SmallCells,
};
