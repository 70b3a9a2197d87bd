//! Exact search over one table, by int8 tiles with a certificate.

mod collector;
mod index;
mod segment;

pub(crate) use collector::{Collector, Feed, RowRef};
pub use index::FlatIndex;
pub(crate) use segment::{encode_tiles, padded, region_positions, tile_bytes};
