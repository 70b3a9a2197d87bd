//! Cell codes of two parts: an aerial code per cell, and the prototype of a parent cell.

mod index;
mod table;

pub use index::FusedIndex;
pub use table::{FusedError, FusedTable};
