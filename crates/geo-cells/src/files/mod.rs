//! Tables and GeoJSON, in and out.
//!
//! Readers are strict: a row that cannot be read, or may mean something else, is reported with its line
//! number and left out. Tokens of cells are always text.

mod bad_rows;
mod encoding;
mod geojson_read;
mod geojson_shape;
mod geojson_write;
mod partition_table;
mod place_rows;
mod places_table;
mod record;
mod rings;
mod table;
mod table_error;
mod topojson;

pub use bad_rows::{BadRow, BadRowReason, BadRows};
pub use encoding::EncodingError;
pub use geojson_read::{GeoJsonError, read_regions_geojson};
pub use place_rows::{PlaceColumns, read_place_rows};
pub use places_table::{PlacesOptions, PlacesTable, read_places};
pub use record::MAX_ROW_BYTES;
pub use table::{Header, Row, same_column};
pub use table_error::TableError;
pub use topojson::{TopoJsonError, read_regions_topojson};
