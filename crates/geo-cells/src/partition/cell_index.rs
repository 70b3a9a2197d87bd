//! Sorted, disjoint S2 cells, each with its class.

use crate::{CellId, LatLng};

use super::PartitionError;

/// S2 cells in the order of their ids, disjoint, each belonging to a class.
///
/// Looked up by binary search over the ids, 8 bytes a cell, after a step through a directory of
/// leading bits, which spares most of the memory accesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellIndex {
    /// Sorted.
    ids: Vec<CellId>,
    /// For each value of the leading bits, how many ids are below it.
    directory: Vec<u32>,
    /// How far ids are shifted right for the directory.
    shift: u32,
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
        let ids: Vec<CellId> = cells.iter().map(|c| c.0).collect();
        let (directory, shift) = directory(&ids);
        Ok(Self {
            ids,
            directory,
            shift,
            class,
            single,
        })
    }

    /// Number of cells (several may share a class).
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are no cells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The cells with their classes, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (CellId, usize)> + '_ {
        let ids = self.ids.iter().enumerate();
        ids.map(|(i, id)| (*id, self.class_of_position(i)))
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
        let first = cell.range_min();
        let key = (first.raw() >> self.shift) as usize;
        let start = *self.directory.get(key)? as usize;
        let end = *self.directory.get(key + 1)? as usize;
        let near = self.ids.get(start..end)?;
        let after = start + near.partition_point(|id| *id <= first);
        // The id of a cell lies in the middle of its leaves: the cell that holds the first leaf has
        // the next id below or above.
        // Counted, not branched: either is as likely.
        let below = after.checked_sub(1).and_then(|i| self.ids.get(i));
        let position = after - below.map_or(0, |id| usize::from(id.range_max() >= first));
        self.ids.get(position)?.contains(cell).then_some(position)
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
        self.ids.get(class).copied()
    }
}

/// For each value of the leading bits the number of ids below it, with one entry more than values;
/// and the shift. About as many entries as cells, at most 2^17.
fn directory(ids: &[CellId]) -> (Vec<u32>, u32) {
    let bits = (ids.len().max(2).ilog2() + 2).clamp(4, 17);
    let shift = 64 - bits;
    let mut directory = vec![0; (1 << bits) + 1];
    for id in ids {
        if let Some(count) = directory.get_mut((id.raw() >> shift) as usize + 1) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for count in &mut directory {
        sum += *count;
        *count = sum;
    }
    (directory, shift)
}
