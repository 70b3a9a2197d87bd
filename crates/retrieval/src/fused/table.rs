//! The two parts on their way into an index.

use std::collections::HashMap;

use geoloc_geo_cells::{CellId, Level};
use thiserror::Error;

use crate::rows::check_vectors;
use crate::{AddError, FlatIndex, MAX_DIM, Place, Rows, VectorError, VectorIndexMut};

/// Why the parts do not make a table.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum FusedError {
    /// A vector is malformed.
    #[error("{part}: {source}")]
    Vector {
        /// "prototypes" or "aerial codes".
        part: &'static str,
        /// What is wrong.
        source: VectorError,
    },
    /// There are not as many cells as vectors.
    #[error("{part}: {vectors} vectors but {cells} cells")]
    Count {
        /// "prototypes" or "aerial codes".
        part: &'static str,
        /// Number of vectors.
        vectors: usize,
        /// Number of cells.
        cells: usize,
    },
    /// A cell has two prototypes.
    #[error("cell {cell:?} has two prototypes")]
    TwoPrototypes {
        /// The cell.
        cell: CellId,
    },
    /// The fused table cannot express a bias for a missing part; search factored instead.
    #[error("a fused table has no place for a bias")]
    BiasInTable,
    /// The rows were refused.
    #[error(transparent)]
    Add(#[from] AddError),
}

/// Cells with two codes: row i scores `w_a a_i·q + w_p p_parent(i)·q`.
///
/// The prototype of a row is that of the nearest cell at or above its own that has one (Lindenberger
/// and others 2025: aerial codes at level 16, prototypes at level 15). A row of zeros stands for a
/// cell without an aerial code; a cell without a prototype above it has none. In either case the other
/// part decides, plus a bias if one was set.
#[derive(Debug, Clone)]
pub struct FusedTable {
    pub(super) dim: usize,
    /// `[n, dim]`.
    pub(super) aerial: Vec<f32>,
    pub(super) places: Vec<Place>,
    /// `[m, dim]`.
    pub(super) prototypes: Vec<f32>,
    /// Prototype of each row.
    pub(super) parents: Vec<Option<u32>>,
    pub(super) missing_aerial: f32,
    pub(super) missing_prototype: f32,
}

impl FusedTable {
    /// From prototypes by cell, and aerial codes by place.
    ///
    /// # Shapes
    ///
    /// `prototypes` is `[m, dim]` for m cells, `aerial` `[n, dim]` for n places (their ids are their
    /// positions).
    ///
    /// # Errors
    ///
    /// [`FusedError`] if vectors are malformed, counts differ or a cell has two prototypes.
    pub fn new(
        dim: usize,
        (prototype_cells, prototypes): (&[CellId], &[f32]),
        (places, aerial): (&[Place], &[f32]),
    ) -> Result<Self, FusedError> {
        if dim == 0 || dim > MAX_DIM {
            return Err(AddError::Dim { dim }.into());
        }
        for (part, vectors, cells) in [
            ("prototypes", prototypes, prototype_cells.len()),
            ("aerial codes", aerial, places.len()),
        ] {
            let vectors = check_vectors(vectors, dim)
                .map_err(|source| FusedError::Vector { part, source })?;
            if vectors != cells {
                return Err(FusedError::Count {
                    part,
                    vectors,
                    cells,
                });
            }
        }
        let mut by_cell = HashMap::with_capacity(prototype_cells.len());
        let mut levels: Vec<Level> = Vec::new();
        for (at, &cell) in prototype_cells.iter().enumerate() {
            if by_cell.insert(cell, at as u32).is_some() {
                return Err(FusedError::TwoPrototypes { cell });
            }
            if !levels.contains(&cell.level()) {
                levels.push(cell.level());
            }
        }
        levels.sort_unstable_by(|a, b| b.cmp(a));
        let places: Vec<Place> = places.iter().map(|place| place.with_cell()).collect();
        let parent = |place: &Place| {
            let cell = place.cell?;
            let mut above = levels.iter().filter_map(|&level| cell.parent(level));
            above.find_map(|parent| by_cell.get(&parent).copied())
        };
        Ok(Self {
            dim,
            aerial: aerial.to_vec(),
            parents: places.iter().map(parent).collect(),
            places,
            prototypes: prototypes.to_vec(),
            missing_aerial: 0.0,
            missing_prototype: 0.0,
        })
    }

    /// Adds a constant to the scores of rows without an aerial code, and of rows without a prototype.
    /// Values are clamped to ±1e18; NaN counts as 0.
    #[must_use]
    pub fn with_biases(mut self, missing_aerial: f32, missing_prototype: f32) -> Self {
        let valid = |v: f32| {
            if v.is_nan() {
                0.0
            } else {
                v.clamp(-1e18, 1e18)
            }
        };
        self.missing_aerial = valid(missing_aerial);
        self.missing_prototype = valid(missing_prototype);
        self
    }

    /// The prototype of each row, by position.
    #[must_use]
    pub fn parents(&self) -> &[Option<u32>] {
        &self.parents
    }

    /// Number of prototypes.
    #[must_use]
    pub fn prototypes_len(&self) -> usize {
        self.prototypes.len() / self.dim
    }

    /// Fuses the codes for one κ: `z_i = a_i + κ p_parent(i)`, not normalised, as one flat index. Answers
    /// what the factored search answers for weights (1, κ), up to the rounding of the sum; κ is
    /// then fixed.
    ///
    /// # Errors
    ///
    /// [`FusedError`] if biases are set, or a code is out of range.
    pub fn fuse(&self, kappa: f32) -> Result<FlatIndex, FusedError> {
        if self.missing_aerial != 0.0 || self.missing_prototype != 0.0 {
            return Err(FusedError::BiasInTable);
        }
        let mut codes = self.aerial.clone();
        for (code, parent) in codes.chunks_exact_mut(self.dim).zip(&self.parents) {
            let Some(at) = parent.map(|at| at as usize) else {
                continue;
            };
            let prototype = &self.prototypes[at * self.dim..(at + 1) * self.dim];
            for (c, p) in code.iter_mut().zip(prototype) {
                *c += kappa * p;
            }
        }
        let mut index = FlatIndex::new(self.dim)?;
        index.add(&Rows::new(&codes).with_places(&self.places))?;
        index.seal()?;
        Ok(index)
    }
}
