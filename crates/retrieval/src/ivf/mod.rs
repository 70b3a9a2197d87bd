//! Approximate search: rows in lists around centroids, the nearest lists scanned.

mod config;
mod file;
mod index;
mod router;
mod search;
mod segment;

pub use config::{IvfConfig, ListCodes};
pub(crate) use file::{KIND as IVF_KIND, save_lists};
pub use index::IvfIndex;
pub(crate) use index::train;
pub(crate) use segment::ListSegment;
