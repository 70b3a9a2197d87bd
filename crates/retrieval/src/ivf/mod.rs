//! Approximate search: rows in lists around centroids, the nearest lists scanned.

mod batch;
mod config;
mod estimates;
mod file;
mod grouping;
mod index;
mod router;
mod search;
mod segment;
mod visit;

pub use config::{Grouping, IvfConfig, ListCodes};
pub(crate) use file::{KIND as IVF_KIND, save_lists};
pub(crate) use grouping::group;
pub use index::IvfIndex;
pub(crate) use segment::ListSegment;
