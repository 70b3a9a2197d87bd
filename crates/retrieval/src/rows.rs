//! Rows on their way into an index.

use geoloc_geo_cells::{CellId, LatLng};
use serde::{Deserialize, Serialize};

use crate::{AddError, VectorError};

/// The largest Euclidean norm of a row or query, so that products of norms stay far inside f32.
pub const MAX_NORM: f64 = 1e18;

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The point.
    pub location: LatLng,
    /// The S2 cell that the row stands for; several rows may share one. Given none, an index takes the
    /// leaf cell of the location.
    pub cell: Option<CellId>,
}

impl From<LatLng> for Place {
    /// A point, in its leaf cell.
    fn from(location: LatLng) -> Self {
        Self {
            location,
            cell: Some(CellId::from_lat_lng(location)),
        }
    }
}

impl Place {
    /// The place with its cell filled in.
    pub(crate) fn with_cell(self) -> Self {
        match self.cell {
            Some(_) => self,
            None => self.location.into(),
        }
    }
}

/// A block of rows, borrowed: vectors, and optionally ids and places.
///
/// # Shapes
///
/// `vectors` is row-major `[n, dim]`; `ids` and `places` have `n` entries.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    pub(crate) vectors: &'a [f32],
    pub(crate) ids: Option<&'a [u64]>,
    pub(crate) places: Option<&'a [Place]>,
}

impl<'a> Rows<'a> {
    /// Rows without places that are numbered by the index.
    #[must_use]
    pub fn new(vectors: &'a [f32]) -> Self {
        Self {
            vectors,
            ids: None,
            places: None,
        }
    }

    /// Gives every row an id of the caller's.
    #[must_use]
    pub fn with_ids(mut self, ids: &'a [u64]) -> Self {
        self.ids = Some(ids);
        self
    }

    /// Gives every row a place.
    #[must_use]
    pub fn with_places(mut self, places: &'a [Place]) -> Self {
        self.places = Some(places);
        self
    }

    /// Checks shapes and values; answers the number of rows.
    pub(crate) fn check(&self, dim: usize) -> Result<usize, AddError> {
        let n = check_vectors(self.vectors, dim)?;
        let counts = [
            ("ids", self.ids.map(<[u64]>::len)),
            ("places", self.places.map(<[Place]>::len)),
        ];
        for (what, given) in counts {
            if let Some(given) = given.filter(|given| *given != n) {
                return Err(AddError::Count {
                    what,
                    vectors: n,
                    given,
                });
            }
        }
        Ok(n)
    }
}

/// Checks that a block is whole, finite and of bounded norm; answers the number of rows.
pub(crate) fn check_vectors(values: &[f32], dim: usize) -> Result<usize, VectorError> {
    if dim == 0 || !values.len().is_multiple_of(dim) {
        return Err(VectorError::Shape {
            dim,
            values: values.len(),
        });
    }
    for (row, x) in values.chunks_exact(dim).enumerate() {
        let squared: f64 = x.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
        // A NaN or an infinity always shows in the sum of squares.
        if squared.is_finite() && squared.sqrt() <= MAX_NORM {
            continue;
        }
        let bad = x.iter().copied().enumerate().find(|(_, v)| !v.is_finite());
        return Err(match bad {
            Some((column, value)) => VectorError::NotFinite { row, column, value },
            None => VectorError::NormTooLarge {
                row,
                norm: squared.sqrt(),
            },
        });
    }
    Ok(values.len() / dim)
}
