//! How a place finds its class.

use crate::LatLng;

use super::CellIndex;

/// The ground of the classes: what a place is looked up in.
///
/// Heads and decoders need not care: [`Partition::index_of`](super::Partition::index_of) serves
/// every kind.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Geometry {
    /// Disjoint S2 cells; a class is one cell or several.
    Cells(CellIndex),
}

impl Geometry {
    pub(crate) fn index_of(&self, p: LatLng) -> Option<usize> {
        match self {
            Self::Cells(cells) => cells.index_of(p),
        }
    }
}
