//! Parts of the world to search in.

use geoloc_geo_cells::CellId;

use crate::Place;

/// A set of rows by place: ranges of S2 ids.
///
/// A row belongs to the region if its cell id lies in one of the ranges. Rows are kept in the order
/// of their cell ids, so a region is a few contiguous pieces of the index.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// Inclusive, ascending, disjoint.
    pub(crate) ranges: Vec<(u64, u64)>,
}

impl Region {
    /// The union of S2 cells. No cells give a region without rows.
    #[must_use]
    pub fn cells(cells: &[CellId]) -> Self {
        let mut ranges: Vec<(u64, u64)> = cells
            .iter()
            .map(|cell| (cell.range_min().raw(), cell.range_max().raw()))
            .collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match merged.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        Self { ranges: merged }
    }

    /// Whether a row at this place belongs to the region.
    #[must_use]
    pub fn contains(&self, place: &Place) -> bool {
        let Some(cell) = place.cell else { return false };
        let at = self.ranges.partition_point(|r| r.1 < cell.raw());
        self.ranges.get(at).is_some_and(|r| r.0 <= cell.raw())
    }
}
