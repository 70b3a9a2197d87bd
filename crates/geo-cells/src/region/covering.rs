//! Cells that cover ground.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Cap, LatLngRect, Region};
use crate::{CellId, Level};

/// Why a covering cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("min_level {min} is finer than max_level {max}")]
#[non_exhaustive]
pub struct CoveringError {
    /// The coarsest level allowed.
    pub min: Level,
    /// The finest level allowed.
    pub max: Level,
}

/// How ground is covered with cells: large cells are divided, coarsest first, until `max_cells` are
/// used up.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{Cap, Covering, LatLng};
///
/// let cap = Cap::new(LatLng::new(48.8566, 2.3522)?, 10.0);
/// let cells = Covering::default().cap(&cap)?;
/// assert!(cells.len() <= 8);
/// assert!(cells.iter().map(|cell| cell.area_km2()).sum::<f64>() > cap.area_km2());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covering {
    /// Number of cells not to exceed, except where `min_level` or the shape asks for more.
    pub max_cells: usize,
    /// Cells are at least this fine.
    pub min_level: Level,
    /// Cells are at most this fine.
    pub max_level: Level,
}

impl Default for Covering {
    /// At most eight cells of any level.
    fn default() -> Self {
        Self {
            max_cells: 8,
            min_level: Level::FACE,
            max_level: Level::LEAF,
        }
    }
}

impl Covering {
    /// Cells that cover a cap: every place in it lies in one of them. Sorted by id, disjoint.
    ///
    /// # Errors
    ///
    /// [`CoveringError`] if the levels are contradictory.
    pub fn cap(&self, cap: &Cap) -> Result<Vec<CellId>, CoveringError> {
        self.cover(cap)
    }

    /// Cells that cover a rectangle: every place in it lies in one of them. Sorted by id, disjoint.
    ///
    /// # Errors
    ///
    /// [`CoveringError`] if the levels are contradictory.
    pub fn rect(&self, rect: &LatLngRect) -> Result<Vec<CellId>, CoveringError> {
        self.cover(rect)
    }

    fn cover(&self, region: &impl Region) -> Result<Vec<CellId>, CoveringError> {
        if self.min_level > self.max_level {
            return Err(CoveringError {
                min: self.min_level,
                max: self.max_level,
            });
        }
        let mut done = Vec::new();
        let mut open: BinaryHeap<Reverse<(Level, CellId)>> = CellId::faces()
            .into_iter()
            .filter(|face| region.may_intersect(*face))
            .map(|face| Reverse((Level::FACE, face)))
            .collect();
        while let Some(Reverse((level, cell))) = open.pop() {
            let must = level < self.min_level;
            if level >= self.max_level || (!must && region.contains_cell(cell)) {
                done.push(cell);
                continue;
            }
            let children: Vec<CellId> = cell
                .children()
                .into_iter()
                .flatten()
                .filter(|child| region.may_intersect(*child))
                .collect();
            let total = done.len() + open.len() + children.len();
            // A cell whose children are all excluded only touches the region by rounding.
            if !must && (total > self.max_cells && children.len() > 1 || children.is_empty()) {
                done.push(cell);
            } else {
                let finer = level.finer().unwrap_or(level);
                open.extend(children.into_iter().map(|child| Reverse((finer, child))));
            }
        }
        done.sort_unstable();
        Ok(done)
    }
}

#[cfg(test)]
#[path = "region_tests.rs"]
mod tests;
