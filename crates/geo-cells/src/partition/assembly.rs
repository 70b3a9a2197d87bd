//! From cells with their leaves to a partition.

use std::ops::Range;

use crate::CellId;
use crate::encode::leaf_vectors;

use super::location::{Points, locate};
use super::{CellIndex, CellLocation, Class, Geometry, Partition, PartitionError};

/// A cell and the range of its points in the sorted leaves.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    pub(crate) cell: CellId,
    pub(crate) range: Range<usize>,
}

/// The points of a class: the leaves of its cells.
struct GroundPoints<'a> {
    leaves: &'a [CellId],
    ground: &'a [Ground],
}

impl Points for GroundPoints<'_> {
    fn each(&self, mut visit: impl FnMut([f64; 3])) {
        for ground in self.ground {
            if let Some(leaves) = self.leaves.get(ground.range.clone()) {
                leaf_vectors(leaves, &mut visit);
            }
        }
    }
}

/// Puts a partition together from classes of cells; `leaves` are sorted.
///
/// Classes are ordered by their first cell.
pub(crate) fn assemble(
    leaves: &[CellId],
    mut classes: Vec<Vec<Ground>>,
    location: CellLocation,
) -> Result<Partition, PartitionError> {
    for ground in &mut classes {
        ground.sort_unstable_by_key(|g| g.cell);
    }
    classes.sort_by_key(|ground| ground.first().map(|g| g.cell));
    let mut located = Vec::with_capacity(classes.len());
    let mut cells = Vec::with_capacity(classes.len());
    for (class, ground) in (0_u32..).zip(&classes) {
        let single = match ground.as_slice() {
            [only] => Some(only.cell),
            _ => None,
        };
        let points = GroundPoints { leaves, ground };
        let first = ground.first().map(|g| g.cell);
        let Some(at) = locate(&points, location, single.or(first)) else {
            continue;
        };
        cells.extend(ground.iter().map(|g| (g.cell, class)));
        located.push(Class {
            location: at.location,
            spread_km: at.spread_km,
            count: ground.iter().map(|g| g.range.len() as u64).sum(),
        });
    }
    let index = CellIndex::new(cells, located.len())?;
    Partition::from_parts(&located, None, Geometry::Cells(index))
}
