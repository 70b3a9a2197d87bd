//! Which cells are searched, and which carry prototypes.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::geo_cells::{CellId, LatLng, Level};

/// Levels of the two kinds of cells. The paper searches level 16 (about 140 m) with prototypes at
/// level 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HybridLevels {
    /// Level of the cells that are searched.
    pub fine: Level,
    /// Level of the cells that have prototypes; not finer than `fine`.
    pub parent: Level,
}

/// Why cells make no hybrid database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HybridCellsError {
    /// Prototypes would lie below the cells that are searched.
    #[error("prototypes at level {parent} lie below cells of level {fine}")]
    Levels {
        /// Level of the cells that are searched.
        fine: u8,
        /// Level of the prototypes.
        parent: u8,
    },
    /// A cell has another level.
    #[error("cell {cell:?} is not of level {fine}")]
    Level {
        /// The cell.
        cell: CellId,
        /// The level of the cells that are searched.
        fine: u8,
    },
}

/// The cells that are searched, sorted by id and without duplicates, and their parents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HybridCells {
    levels: HybridLevels,
    rows: Vec<CellId>,
    parents: Vec<CellId>,
}

impl HybridCells {
    /// The database over `cells`, in any order.
    ///
    /// # Errors
    ///
    /// [`HybridCellsError`] for levels in the wrong order and for a cell of another level.
    pub fn new(levels: HybridLevels, cells: &[CellId]) -> Result<Self, HybridCellsError> {
        let fine = levels.fine.get();
        if levels.parent > levels.fine {
            return Err(HybridCellsError::Levels {
                fine,
                parent: levels.parent.get(),
            });
        }
        if let Some(&cell) = cells.iter().find(|cell| cell.level() != levels.fine) {
            return Err(HybridCellsError::Level { cell, fine });
        }
        let mut rows = cells.to_vec();
        rows.sort_unstable();
        rows.dedup();
        let mut parents: Vec<CellId> = rows
            .iter()
            .filter_map(|cell| cell.parent(levels.parent))
            .collect();
        parents.dedup();
        Ok(Self {
            levels,
            rows,
            parents,
        })
    }

    /// The levels.
    #[must_use]
    pub fn levels(&self) -> HybridLevels {
        self.levels
    }

    /// The cells that are searched, by id: the rows of the database.
    #[must_use]
    pub fn rows(&self) -> &[CellId] {
        &self.rows
    }

    /// Their parents, by id.
    #[must_use]
    pub fn parents(&self) -> &[CellId] {
        &self.parents
    }

    /// Centres of the rows: what an answer says, and where the aerial tiles are cut.
    #[must_use]
    pub fn centers(&self) -> Vec<LatLng> {
        self.rows.iter().map(|cell| cell.center()).collect()
    }

    /// The row that holds a place, if there is one.
    #[must_use]
    pub fn row_of(&self, place: LatLng) -> Option<usize> {
        self.rows.binary_search(&self.cell_about(place)).ok()
    }

    /// The fine cell about a place, whether it is a row or not.
    #[must_use]
    pub fn cell_about(&self, place: LatLng) -> CellId {
        let leaf = CellId::from_lat_lng(place);
        // A leaf has a parent at every level.
        leaf.parent(self.levels.fine).unwrap_or(leaf)
    }

    /// The parent cell about a place, whether any row lies in it or not.
    #[must_use]
    pub fn parent_about(&self, place: LatLng) -> Option<CellId> {
        CellId::from_lat_lng(place).parent(self.levels.parent)
    }

    /// Mean edge of a row's cell in km: the root of its mean area.
    #[must_use]
    pub fn cell_width_km(&self) -> f64 {
        self.levels.fine.average_area_km2().sqrt()
    }
}
