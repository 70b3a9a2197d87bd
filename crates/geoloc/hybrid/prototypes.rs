//! The trained prototypes on their way into a database.

use std::collections::HashMap;

use thiserror::Error;

use super::HybridCells;
use crate::geo_cells::{CellId, haversine_km};
use crate::retrieval::{FusedError, FusedTable, Place};

/// Prototypes of cells, and how many ground photos trained each.
#[derive(Clone, Debug, PartialEq)]
pub struct CellPrototypes {
    cells: Vec<CellId>,
    vectors: Vec<f32>,
    photos: Vec<u32>,
    dim: usize,
}

/// Why vectors are no prototypes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "{cells} cells of dimension {dim} need {cells} photo counts and {cells} x {dim} values, got {photos} and {values}"
)]
pub struct PrototypesError {
    /// Number of cells.
    pub cells: usize,
    /// Length of a prototype.
    pub dim: usize,
    /// Number of photo counts.
    pub photos: usize,
    /// Number of values.
    pub values: usize,
}

impl CellPrototypes {
    /// Prototypes `[cells, dim]`, row-major, with the number of ground photos of each cell.
    ///
    /// # Errors
    ///
    /// [`PrototypesError`] if the lengths do not fit.
    pub fn new(
        cells: Vec<CellId>,
        vectors: Vec<f32>,
        photos: Vec<u32>,
        dim: usize,
    ) -> Result<Self, PrototypesError> {
        if photos.len() != cells.len() || vectors.len() != cells.len() * dim || dim == 0 {
            return Err(PrototypesError {
                cells: cells.len(),
                dim,
                photos: photos.len(),
                values: vectors.len(),
            });
        }
        Ok(Self {
            cells,
            vectors,
            photos,
            dim,
        })
    }

    /// The cells, in the order of the vectors.
    #[must_use]
    pub fn cells(&self) -> &[CellId] {
        &self.cells
    }

    /// The vectors, row-major `[cells, dim]`.
    #[must_use]
    pub fn vectors(&self) -> &[f32] {
        &self.vectors
    }

    /// Length of a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Every prototype times `n / (n + n0)` for its `n` ground photos: κ falls where few photos
    /// trained the prototype. 0 changes nothing; the paper has one κ for all cells.
    #[must_use]
    pub fn weighted_by_photos(&self, n0: f32) -> Self {
        let mut scaled = self.clone();
        for (row, &n) in scaled.vectors.chunks_exact_mut(self.dim).zip(&self.photos) {
            let factor = if n0 > 0.0 {
                n as f32 / (n as f32 + n0)
            } else {
                1.0
            };
            for v in row {
                *v *= factor;
            }
        }
        scaled
    }

    /// Prototypes of the rows of `cells`, interpolated across the borders of the parents: the mean
    /// of the own prototype and those of the cells around it with weights `(1 - d / reach)²`, `d`
    /// from the centre of the row to that of the parent, `reach` 1.5 parent widths. Rows whose parent
    /// has no prototype get none. Vectors are not normalised again.
    ///
    /// The paper carries the nearest parent down, which [`table`](Self::table) does for any rows.
    #[must_use]
    pub fn interpolated(&self, cells: &HybridCells) -> Self {
        let at: HashMap<CellId, usize> = self.cells.iter().copied().zip(0..).collect();
        let level = cells.levels().parent;
        let reach = 1.5 * level.average_area_km2().sqrt();
        let mut found = Self {
            cells: Vec::new(),
            vectors: Vec::new(),
            photos: Vec::new(),
            dim: self.dim,
        };
        for &row in cells.rows() {
            let Some(own) = row.parent(level) else {
                continue;
            };
            let Some(&own_at) = at.get(&own) else {
                continue;
            };
            let mut vector = vec![0.0; self.dim];
            let mut total = 0.0;
            for parent in around(own) {
                let Some(&i) = at.get(&parent) else { continue };
                let d = haversine_km(row.center(), parent.center());
                let weight = (1.0 - d / reach).max(0.0).powi(2) as f32;
                total += weight;
                for (sum, v) in vector.iter_mut().zip(self.row(i)) {
                    *sum += weight * v;
                }
            }
            if total > 0.0 {
                for v in &mut vector {
                    *v /= total;
                }
                found.cells.push(row);
                found.vectors.extend(vector);
                found.photos.push(self.photos[own_at]);
            }
        }
        found
    }

    /// Joins the prototypes with the aerial codes `[rows, dim]` of the cells that are searched; row ids
    /// are positions in `cells.rows()`.
    ///
    /// # Errors
    ///
    /// [`FusedError`] if the lengths do not fit or a vector is not finite.
    pub fn table(&self, cells: &HybridCells, aerial: &[f32]) -> Result<FusedTable, FusedError> {
        let place = |cell: &CellId| Place {
            location: cell.center(),
            cell: Some(*cell),
        };
        let places: Vec<Place> = cells.rows().iter().map(place).collect();
        FusedTable::new(self.dim, (&self.cells, &self.vectors), (&places, aerial))
    }

    /// The vector of a cell; `new` has counted the values and the photo counts.
    fn row(&self, at: usize) -> &[f32] {
        &self.vectors[at * self.dim..(at + 1) * self.dim]
    }
}

/// The cell, its four neighbours by an edge, and theirs: all within one cell and more.
fn around(cell: CellId) -> Vec<CellId> {
    let mut found = vec![cell];
    found.extend(cell.edge_neighbors());
    found.extend(
        cell.edge_neighbors()
            .into_iter()
            .flat_map(CellId::edge_neighbors),
    );
    found.sort_unstable();
    found.dedup();
    found
}
