//! Features in a file: a frozen encoder runs once over its data, heads train on what it gave.
//!
//! [`FeatureWriter`] appends rows and can be cut off at any time: it goes on after the last whole
//! batch. [`FeatureFile`] maps a finished file into memory and gives any rows as
//! [`Features`](geoloc_core::Features). A file carries the [`FeatureKey`] of what it was computed
//! from, so that features of other data, weights or preprocessing are never mistaken for these.
//!
//! Layout, little-endian: bytes 0 to 7 `GEOLFEAT`, 8 to 11 version 1, 12 to 15 length of the header, 16
//! to 23 number of rows written, 24 to 55 SHA-256 of the rows once all are there, from 64 the header
//! as JSON, from 4096 the rows. A row is the pooled vector and then the tokens, as f32 or f16.

mod error;
mod layout;
mod precomputed;
mod reader;
mod writer;

pub use error::FeatureFileError;
pub use layout::{FeatureKey, FeatureLayout, Precision};
pub use precomputed::{Precomputed, PrecomputedConfig};
pub use reader::FeatureFile;
pub use writer::FeatureWriter;

#[cfg(test)]
mod tests;
