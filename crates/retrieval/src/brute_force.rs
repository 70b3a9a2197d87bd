//! The reference: every row scored in full precision.

use crate::row_table::RowTable;
use crate::suppress::Suppressor;
use crate::top_k::TopK;
use crate::{AddError, Hit, Hits, Query, Rows, SearchError, VectorIndex, VectorIndexMut};

/// Exact search by scoring every row in full precision. Small, obvious, and what the other engines
/// are tested against.
#[derive(Debug, Clone)]
pub struct BruteForce {
    table: RowTable,
}

impl BruteForce {
    /// An empty index.
    ///
    /// # Errors
    ///
    /// [`AddError::Dim`] if `dim` is not in 1 to [`MAX_DIM`](crate::MAX_DIM).
    pub fn new(dim: usize) -> Result<Self, AddError> {
        Ok(Self {
            table: RowTable::new(dim)?,
        })
    }
}

impl BruteForce {
    /// Number of rows that a search can answer with (removed rows do not count).
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl VectorIndex for BruteForce {
    fn dim(&self) -> usize {
        self.table.dim()
    }

    fn count(&self) -> Result<usize, SearchError> {
        Ok(self.len())
    }

    fn search(&self, query: &Query) -> Result<Hits, SearchError> {
        let vector = query.combined(self.dim())?;
        if query.needs_places() && !self.table.all_placed() {
            return Err(SearchError::NoPlaces);
        }
        let k = if query.is_selective() {
            self.len().max(1)
        } else {
            query.k
        };
        let mut best = TopK::new(k);
        for (at, score) in self.table.scored(query, &vector) {
            best.push(score, self.table.id(at), at);
        }
        let mut suppressor = Suppressor::new(query);
        for row in best.into_sorted() {
            suppressor.offer(Hit {
                id: row.id,
                score: row.score,
                place: self.table.place(row.item),
            });
        }
        Ok(Hits {
            hits: suppressor.into_hits(),
            exact: true,
            reranked: self.len(),
        })
    }
}

impl VectorIndexMut for BruteForce {
    fn add(&mut self, rows: &Rows<'_>) -> Result<(), AddError> {
        self.table.add(rows, |_| Ok(false))
    }

    fn remove(&mut self, ids: &[u64]) -> Result<usize, AddError> {
        Ok(ids.iter().filter(|&&id| self.table.remove(id)).count())
    }

    fn seal(&mut self) -> Result<(), AddError> {
        Ok(())
    }
}
