//! Exact search over one table, by int8 tiles with a certificate.

mod collector;
mod file;
mod index;
mod scan;
mod segment;
mod tiles;

pub(crate) use collector::{Collector, Feed, RowRef};
pub(crate) use file::KIND as FLAT_KIND;
pub use index::FlatIndex;
pub(crate) use index::plain_together;
pub(crate) use segment::{
    Segment, encode_tiles, padded, region_positions, tile_bytes, tiles_bytes,
};
pub(crate) use tiles::Tiles;
