//! Rows in the order they came, with ids and places.

use std::collections::HashMap;

use geoloc_geo_cells::{CellId, LatLng};
use memmap2::Mmap;

use crate::kernels::dot64;
use crate::store::{RESIDENT, release};
use crate::{AddError, MAX_DIM, Place, Query, Rows};

/// The most rows of one index or segment: positions are 32 bits.
pub(crate) const MAX_ROWS: usize = u32::MAX as usize;

/// Rows as borrowed columns, all of one length; positions are those of rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowSlices<'a> {
    pub(crate) dim: usize,
    /// `[n, dim]`.
    pub(crate) vectors: &'a [f32],
    pub(crate) ids: &'a [u64],
    /// S2 ids, 0 for a row without a place.
    pub(crate) cells: &'a [u64],
    /// Degrees; NaN for a row without a place.
    pub(crate) locations: &'a [[f64; 2]],
    /// Rows with a place.
    pub(crate) placed: usize,
    /// What holds the vectors, if that is a mapped file.
    pub(crate) map: Option<&'a Mmap>,
}

impl<'a> RowSlices<'a> {
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn row(&self, at: usize) -> &'a [f32] {
        &self.vectors[at * self.dim..(at + 1) * self.dim]
    }

    /// The vectors in blocks of rows, of which as many are kept resident as are read at a time.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &'a [f32]> + '_ {
        let rows = (RESIDENT / (4 * self.dim.max(1))).max(1);
        let blocks = self.vectors.chunks(rows * self.dim.max(1));
        blocks.inspect(|_| self.release())
    }

    /// Gives back the pages of mapped vectors.
    pub(crate) fn release(&self) {
        if let Some(map) = self.map {
            release(map);
        }
    }

    /// What rows are sorted by: S2 id, then id.
    pub(crate) fn key(&self, at: usize) -> (u64, u64) {
        (self.cells[at], self.ids[at])
    }
}

/// A place from its columns.
pub(crate) fn place_of(cell: u64, [lat, lng]: [f64; 2]) -> Option<Place> {
    let location = LatLng::new(lat, lng).ok()?;
    let cell = CellId::try_from(cell).ok();
    Some(Place { location, cell })
}

/// A place as its columns, its cell filled in.
pub(crate) fn place_columns(place: &Place) -> (u64, [f64; 2]) {
    let place = place.with_cell();
    let location = [place.location.lat(), place.location.lng()];
    (place.cell.map_or(0, CellId::raw), location)
}

/// Rows that can still change. Positions are those of rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowTable {
    dim: usize,
    vectors: Vec<f32>,
    ids: Vec<u64>,
    /// S2 ids, 0 for a row without a place.
    cells: Vec<u64>,
    /// Latitude, longitude in degrees; NaN for a row without a place.
    locations: Vec<[f64; 2]>,
    positions: HashMap<u64, u32>,
    with_places: usize,
    next_id: u64,
}

impl RowTable {
    pub(crate) fn new(dim: usize) -> Result<Self, AddError> {
        if dim == 0 || dim > MAX_DIM {
            return Err(AddError::Dim { dim });
        }
        Ok(Self {
            dim,
            ..Self::default()
        })
    }

    pub(crate) fn dim(&self) -> usize {
        self.dim
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether every row has a place.
    pub(crate) fn all_placed(&self) -> bool {
        self.unplaced() == 0
    }

    pub(crate) fn row(&self, at: usize) -> &[f32] {
        &self.vectors[at * self.dim..(at + 1) * self.dim]
    }

    pub(crate) fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.vectors.chunks_exact(self.dim.max(1))
    }

    pub(crate) fn id(&self, at: usize) -> u64 {
        self.ids[at]
    }

    pub(crate) fn place(&self, at: usize) -> Option<Place> {
        place_of(*self.cells.get(at)?, *self.locations.get(at)?)
    }

    /// The S2 id, 0 for a row without a place.
    pub(crate) fn cell(&self, at: usize) -> u64 {
        self.cells[at]
    }

    /// The full-precision scores of the rows that a query looks at.
    pub(crate) fn scored<'a>(
        &'a self,
        query: &'a Query,
        vector: &'a [f32],
    ) -> impl Iterator<Item = (usize, f32)> + 'a {
        let inside = |at: usize| match &query.region {
            None => true,
            Some(region) => self.place(at).is_some_and(|p| region.contains(&p)),
        };
        let rows = self.rows().enumerate().filter(move |(at, _)| inside(*at));
        rows.map(|(at, row)| (at, query.total(dot64(row, vector), self.cell(at))))
    }

    /// All rows as columns.
    pub(crate) fn slices(&self) -> RowSlices<'_> {
        RowSlices {
            dim: self.dim,
            vectors: &self.vectors,
            ids: &self.ids,
            cells: &self.cells,
            locations: &self.locations,
            placed: self.with_places,
            map: None,
        }
    }

    /// Rows without a place.
    pub(crate) fn unplaced(&self) -> usize {
        self.len() - self.with_places
    }

    /// Adds all rows or none. `taken` tells which ids are in use elsewhere.
    pub(crate) fn add(
        &mut self,
        rows: &Rows<'_>,
        taken: impl FnMut(u64) -> Result<bool, AddError>,
    ) -> Result<(), AddError> {
        let n = rows.check(self.dim)?;
        let full = AddError::Full { max: MAX_ROWS };
        if self.len() + n > MAX_ROWS {
            return Err(full);
        }
        let ids: Vec<u64> = match rows.ids {
            Some(ids) => ids.to_vec(),
            None => (0..n as u64)
                .map_while(|at| self.next_id.checked_add(at))
                .collect(),
        };
        if ids.len() != n {
            return Err(full);
        }
        let start = self.len();
        if let Err(error) = self.enter(&ids, rows.ids.is_some(), taken) {
            // Take back what this call has entered.
            self.positions.retain(|_, at| (*at as usize) < start);
            return Err(error);
        }
        self.next_id = ids
            .iter()
            .fold(self.next_id, |next, id| next.max(id.saturating_add(1)));
        self.ids.extend(ids);
        self.vectors.extend_from_slice(rows.vectors);
        for place in rows.places.into_iter().flatten() {
            let (cell, location) = place_columns(place);
            self.cells.push(cell);
            self.locations.push(location);
        }
        self.with_places += rows.places.map_or(0, |_| n);
        self.cells.resize(start + n, 0);
        self.locations.resize(start + n, [f64::NAN; 2]);
        Ok(())
    }

    /// Enters the positions of new rows, up to the first id that is in use.
    fn enter(
        &mut self,
        ids: &[u64],
        given: bool,
        mut taken: impl FnMut(u64) -> Result<bool, AddError>,
    ) -> Result<(), AddError> {
        for (&id, at) in ids.iter().zip(self.len()..) {
            // Numbers of the table's own are new, but for the last one: past it there is none to go on with.
            let doubtful = given || id == u64::MAX;
            if self.positions.contains_key(&id) || (doubtful && taken(id)?) {
                return Err(AddError::DuplicateId { id });
            }
            self.positions.insert(id, at as u32);
        }
        Ok(())
    }

    /// Whether a row of this id is here.
    pub(crate) fn contains(&self, id: u64) -> bool {
        self.positions.contains_key(&id)
    }

    /// Removes a row by moving the last one into its place; false if it is not here.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let Some(at) = self.positions.remove(&id).map(|at| at as usize) else {
            return false;
        };
        let last = self.len() - 1;
        if self.place(at).is_some() {
            self.with_places -= 1;
        }
        self.ids.swap_remove(at);
        self.cells.swap_remove(at);
        self.locations.swap_remove(at);
        self.vectors
            .copy_within(last * self.dim..(last + 1) * self.dim, at * self.dim);
        self.vectors.truncate(last * self.dim);
        if let Some(&moved) = self.ids.get(at) {
            self.positions.insert(moved, at as u32);
        }
        true
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Numbers on from here, if that is further.
    pub(crate) fn skip_ids_below(&mut self, next: u64) {
        self.next_id = self.next_id.max(next);
    }

    /// Empties the table; numbering goes on.
    pub(crate) fn clear(&mut self) {
        let next_id = self.next_id;
        *self = Self {
            dim: self.dim,
            next_id,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_look_up_leaves_nothing() {
        let mut table = RowTable::new(1).unwrap();
        let rows = Rows::new(&[1.0, 2.0]);
        // The second look-up fails, after the first id was entered.
        let failed = table.add(&rows.with_ids(&[8, 9]), |id| match id {
            9 => Err(AddError::Full { max: 0 }),
            _ => Ok(false),
        });
        assert_eq!(failed, Err(AddError::Full { max: 0 }));
        assert!(table.len() == 0 && !table.contains(8));
        table.add(&rows.with_ids(&[8, 9]), |_| Ok(false)).unwrap();
        assert_eq!((table.id(0), table.id(1)), (8, 9));
    }
}
