//! Caps and rectangles on the sphere, and the cells that cover them.

mod cap;
mod covering;
mod rect;

pub use cap::Cap;
pub use covering::{Covering, CoveringError};
pub use rect::{LatLngRect, RectError};

use crate::CellId;

/// Ground that can be covered with cells.
pub(crate) trait Region {
    /// Whether the cell lies wholly inside; `false` if that is not certain.
    fn contains_cell(&self, cell: CellId) -> bool;
    /// Whether the cell may share ground with the region; `true` if that is not certain.
    fn may_intersect(&self, cell: CellId) -> bool;
}
