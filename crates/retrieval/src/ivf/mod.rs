//! Approximate search: rows in lists around centroids, the nearest lists scanned.

mod config;
mod index;
mod router;
mod search;
mod segment;

pub use config::{IvfConfig, ListCodes};
pub use index::IvfIndex;
