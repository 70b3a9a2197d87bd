//! Exact search over one table, by int8 tiles with a certificate.

mod collector;
mod index;
mod segment;

pub use index::FlatIndex;
