//! Sorted, disjoint S2 cells, each with its class.

use crate::{CellId, LatLng};

use super::PartitionError;

/// S2 cells in the order of their ids, disjoint, each belonging to a class.
///
/// Looked up by binary search over the first and last leaf of each cell, 16 bytes a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellIndex {
    /// First leaf of each cell.
    lower: Vec<u64>,
    /// Last leaf of each cell.
    upper: Vec<u64>,
    /// Class of each cell; `None` where cell `i` is class `i`.
    class: Option<Vec<u32>>,
    /// Cell of each class where the class is one cell, by class.
    single: Option<Vec<Option<CellId>>>,
}

impl CellIndex {
    /// Cells with their classes, in any order; classes must be below `classes`.
    ///
    /// # Errors
    ///
    /// [`PartitionError`] if two cells overlap or a class is out of range.
    pub(crate) fn new(
        mut cells: Vec<(CellId, u32)>,
        classes: usize,
    ) -> Result<Self, PartitionError> {
        cells.sort_unstable();
        for pair in cells.windows(2) {
            if let [(a, _), (b, _)] = pair
                && a.range_max() >= b.range_min()
            {
                return Err(PartitionError::Overlap {
                    first: a.token(),
                    second: b.token(),
                });
            }
        }
        if let Some(&(_, class)) = cells.iter().find(|(_, class)| *class as usize >= classes) {
            return Err(PartitionError::Class {
                class: class as usize,
                classes,
            });
        }
        let identity = cells.len() == classes
            && cells
                .iter()
                .enumerate()
                .all(|(i, (_, class))| i == *class as usize);
        let (class, single) = if identity {
            (None, None)
        } else {
            let mut single = vec![None; classes];
            let mut seen = vec![0_u8; classes];
            for &(cell, class) in &cells {
                let class = class as usize;
                seen[class] = seen[class].saturating_add(1);
                single[class] = (seen[class] == 1).then_some(cell);
            }
            (Some(cells.iter().map(|c| c.1).collect()), Some(single))
        };
        Ok(Self {
            lower: cells.iter().map(|c| c.0.range_min().raw()).collect(),
            upper: cells.iter().map(|c| c.0.range_max().raw()).collect(),
            class,
            single,
        })
    }

    /// Number of cells (several may share a class).
    #[must_use]
    pub fn len(&self) -> usize {
        self.lower.len()
    }

    /// Whether there are no cells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lower.is_empty()
    }

    /// The cells with their classes, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (CellId, usize)> + '_ {
        self.lower
            .iter()
            .zip(&self.upper)
            .enumerate()
            .map(|(i, (lower, upper))| {
                // The id is the middle of its range of leaves.
                let id = CellId::known(lower + (upper - lower) / 2);
                (id, self.class_of_position(i))
            })
    }

    fn class_of_position(&self, i: usize) -> usize {
        match &self.class {
            None => i,
            Some(class) => class.get(i).map_or(usize::MAX, |&c| c as usize),
        }
    }

    /// The class of a leaf or of any smaller cell; `None` if it lies in no cell of the index.
    #[must_use]
    pub fn class_of(&self, cell: CellId) -> Option<usize> {
        let position = self.position_of(cell)?;
        Some(self.class_of_position(position))
    }

    /// Position in [`iter`](Self::iter) of the cell that contains `cell`.
    pub(crate) fn position_of(&self, cell: CellId) -> Option<usize> {
        let first = cell.range_min().raw();
        let after = self.lower.partition_point(|&lower| lower <= first);
        let position = after.checked_sub(1)?;
        (cell.range_max().raw() <= *self.upper.get(position)?).then_some(position)
    }

    /// The class of a place.
    #[must_use]
    pub fn index_of(&self, p: LatLng) -> Option<usize> {
        self.class_of(CellId::from_lat_lng(p))
    }

    /// The cell of a class that is exactly one cell.
    #[must_use]
    pub fn cell(&self, class: usize) -> Option<CellId> {
        if let Some(single) = &self.single {
            return single.get(class).copied().flatten();
        }
        let (lower, upper) = (self.lower.get(class)?, self.upper.get(class)?);
        Some(CellId::known(lower + (upper - lower) / 2))
    }
}
