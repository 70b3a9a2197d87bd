//! Tables and GeoJSON, in and out.
//!
//! Readers are tolerant: a row that cannot be read is reported with its line number and left out.
//! Tokens of cells are always text.

mod geojson_read;
mod geojson_shape;
mod geojson_write;
mod partition_table;
mod places_table;
mod table;
mod topojson;

pub use geojson_read::{GeoJsonError, read_regions_geojson};
pub use places_table::{PlacesOptions, PlacesTable, read_places};
pub use table::{BadRow, BadRowReason, TableError};
pub use topojson::{TopoJsonError, read_regions_topojson};
