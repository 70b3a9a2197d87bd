//! Cells, distances and partitions of the world for image geolocalization.
//!
//! Burn-free: everything here works on plain `f64` degrees and `u64` ids.

mod cell;
mod distance;
mod encode;
mod estimate;
mod files;
mod kernels;
mod latlng;
mod partition;
#[cfg(feature = "places")]
mod places;
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
pub use files::{
    BadRow, BadRowReason, BadRows, EncodingError, GeoJsonError, Header, MAX_ROW_BYTES,
    PlaceColumns, PlacesOptions, PlacesTable, Row, TableError, TopoJsonError, read_place_rows,
    read_places, read_regions_geojson, read_regions_topojson, same_column,
};
pub use kernels::Kernel;
pub use latlng::{LatLng, LatLngError};
pub use partition::{
    ACCURACY_RADII_KM, AdaptivePartition, Anchors, BoxIndex, CellFeatures, CellIndex, CellLocation,
    DropReason, Dropped, FixedLevelPartition, GeoclassSetConfig, GeoclassSets, Geometry, Hierarchy,
    LatLngBox, LevelCount, NamedPlaces, NestedPartition, OpticsRound, OracleError, Partition,
    PartitionBuilder, PartitionBytesError, PartitionError, PartitionReport, Polygon, PolygonError,
    QuadtreePartition, QuadtreeRoot, Region, RegionIndex, RegionMap, RegionPartition, SmallCells,
    SphericalKMeans, Spread, SuspiciousCoordinates, optics_clusters,
};
#[cfg(feature = "places")]
pub use places::{Place, Places};
pub use region::{Cap, Covering, CoveringError, LatLngRect, RectError};
