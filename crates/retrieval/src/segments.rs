//! Sealed segments and the rows that are not sealed yet, as one table.

use crate::error::Damage;
use crate::flat::RowRef;
use crate::kernels::dot64;
use crate::row_store::RowStore;
use crate::row_table::{MAX_ROWS, RowTable};
use crate::store::{SegmentManifest, StoreError, Writer};
use crate::top_k::Ranked;
use crate::{AddError, Hit, Query, Rows, SearchError};

/// The unsealed rows are segment number `HEAD`.
pub(crate) const HEAD: u32 = u32::MAX;

/// A sealed form of rows.
pub(crate) trait Sealed: std::fmt::Debug {
    fn store(&self) -> &RowStore;

    fn store_mut(&mut self) -> &mut RowStore;

    /// Writes all columns.
    fn save(&self, to: &mut Writer) -> Result<SegmentManifest, StoreError>;

    /// Checks every block of the columns that are not in the store.
    fn verify(&self) -> Result<(), Damage>;
}

/// All rows of an index.
#[derive(Debug)]
pub(crate) struct Segments<S> {
    pub(crate) sealed: Vec<S>,
    /// Rows not sealed yet.
    pub(crate) head: RowTable,
}

impl<S: Sealed> Segments<S> {
    pub(crate) fn new(dim: usize) -> Result<Self, AddError> {
        Ok(Self {
            sealed: Vec::new(),
            head: RowTable::new(dim)?,
        })
    }

    /// Rows that are not removed.
    pub(crate) fn len(&self) -> usize {
        let sealed: usize = self.sealed.iter().map(|s| s.store().live()).sum();
        sealed + self.head.len()
    }

    /// Whether the query asks for places that some rows do not have.
    pub(crate) fn check_places(&self, query: &Query) -> Result<(), SearchError> {
        let unplaced: usize = self.sealed.iter().map(|s| s.store().unplaced).sum();
        if query.needs_places() && (unplaced > 0 || !self.head.all_placed()) {
            return Err(SearchError::NoPlaces);
        }
        Ok(())
    }

    pub(crate) fn add(&mut self, rows: &Rows<'_>) -> Result<(), AddError> {
        let sealed = &self.sealed;
        self.head.add(rows, |id| {
            for segment in sealed {
                if segment.store().find(id)?.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// Removes rows; answers how many of the ids were there. All or nothing: what has to be read of files is
    /// read before the first row goes.
    pub(crate) fn remove(&mut self, ids: &[u64]) -> Result<usize, AddError> {
        let mut sealed: Vec<(usize, usize, bool)> = Vec::new();
        for &id in ids.iter().filter(|&&id| !self.head.contains(id)) {
            for (number, segment) in self.sealed.iter().enumerate() {
                if let Some(at) = segment.store().find(id)? {
                    sealed.push((number, at, segment.store().place(at)?.is_some()));
                    break;
                }
            }
        }
        let mut removed = ids.iter().filter(|&&id| self.head.remove(id)).count();
        for (number, at, placed) in sealed {
            if let Some(segment) = self.sealed.get_mut(number) {
                removed += usize::from(segment.store_mut().remove(at, placed));
            }
        }
        Ok(removed)
    }

    /// All rows that are not removed, to be sealed anew.
    pub(crate) fn all_rows(&self) -> Result<RowTable, AddError> {
        if self.len() > MAX_ROWS {
            return Err(AddError::Full { max: MAX_ROWS });
        }
        let mut all = self.head.clone();
        for segment in &self.sealed {
            segment.store().copy_into(&mut all)?;
        }
        Ok(all)
    }

    /// The id and the values of a row.
    pub(crate) fn row(&self, row: RowRef) -> Result<(u64, &[f32]), Damage> {
        let at = row.at as usize;
        match self.sealed.get(row.segment as usize) {
            Some(segment) => Ok((segment.store().id(at)?, segment.store().row(at)?)),
            None => Ok((self.head.id(at), self.head.row(at))),
        }
    }

    /// The full-precision score of a row, its prior included.
    pub(crate) fn score(
        &self,
        query: &Query,
        vector: &[f32],
        row: RowRef,
        values: &[f32],
    ) -> Result<f32, Damage> {
        let at = row.at as usize;
        let cell = match self.sealed.get(row.segment as usize) {
            _ if query.prior.is_none() => 0,
            Some(segment) => segment.store().cells.at(at)?,
            None => self.head.cell(at),
        };
        Ok(query.total(dot64(values, vector), cell))
    }

    /// Ranked rows with their places.
    pub(crate) fn hits(&self, rows: &[Ranked<RowRef>]) -> Result<Vec<Hit>, Damage> {
        let hit = |row: &Ranked<RowRef>| {
            let at = row.item.at as usize;
            let place = match self.sealed.get(row.item.segment as usize) {
                Some(segment) => segment.store().place(at)?,
                None => self.head.place(at),
            };
            Ok(Hit {
                id: row.id,
                score: row.score,
                place,
            })
        };
        rows.iter().map(hit).collect()
    }

    /// Checks every block of every file behind the rows.
    pub(crate) fn verify(&self) -> Result<(), Damage> {
        for segment in &self.sealed {
            segment.verify()?;
            segment.store().verify()?;
        }
        Ok(())
    }
}

/// A row that is not sealed.
pub(crate) fn head_row(at: usize) -> RowRef {
    RowRef {
        segment: HEAD,
        at: at as u32,
    }
}
