//! Codes of 4 and 1 bit, for approximate first passes. Rows are rotated first, so that every column
//! has the same spread and the grid fits all of them.

mod four_bit;
mod one_bit;
mod rotation;

pub(crate) use four_bit::{encode_four_bit, four_bit_tile_bytes};
pub(crate) use one_bit::{BitQuery, encode_one_bit, one_bit_tile_bytes};
pub(crate) use rotation::Rotation;
