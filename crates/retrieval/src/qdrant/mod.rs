//! Qdrant behind the traits of this crate (feature `qdrant`).

mod collection;
mod config;
mod connection;
mod index;
mod points;

pub use config::{QdrantConfig, QdrantSearch};
pub use index::QdrantIndex;

const ENGINE: &str = "qdrant";
