//! A graph over the rows, by the usearch library (feature `usearch`).

mod config;
mod file;
mod graph;
mod index;

pub use config::{GraphPrecision, HnswConfig};
pub(crate) use file::KIND as HNSW_KIND;
pub use index::HnswIndex;
