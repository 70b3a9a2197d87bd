//! Full rows with their ids and places, in one fixed order; only removal marks are added.

use std::sync::OnceLock;

use crate::column::{Column, Room};
use crate::error::{Damage, MemoryError};
use crate::ids::Ids;
use crate::row_reader::RowReader;
use crate::row_table::{MAX_ROWS, RowSlices, RowTable, place_of};
use crate::store::{RESIDENT, Reader, SegmentManifest, StoreError, Writer};
use crate::tombstones::Tombstones;
use crate::{AddError, Place, Rows};

/// The columns that every sealed form of an index needs.
#[derive(Debug)]
pub(crate) struct RowStore {
    pub(crate) dim: usize,
    /// Positions, those of removed rows and of padding included.
    pub(crate) len: usize,
    /// `[len, dim]`.
    pub(crate) rows: Column<f32>,
    pub(crate) ids: Ids,
    /// S2 ids; 0 for a row without a place.
    pub(crate) cells: Column<u64>,
    /// Latitude, longitude in degrees; empty if no row has a place.
    pub(crate) locations: Column<[f64; 2]>,
    /// Removed rows and padding.
    pub(crate) dead: Tombstones,
    /// Rows without a place that are not removed.
    pub(crate) unplaced: usize,
    /// Positions by ascending id, made when first needed.
    by_id: OnceLock<Vec<u32>>,
}

impl RowStore {
    /// Copies rows; `order` names the row of each position, `None` for padding.
    pub(crate) fn build(
        source: &RowSlices<'_>,
        order: &[Option<u32>],
        room: &mut dyn Room,
    ) -> Result<Self, MemoryError> {
        let (dim, len) = (source.dim, order.len());
        let mut rows = room.column::<f32>("rows", len * dim)?;
        let mut cells = room.column::<u64>("cells", len)?;
        let with_places = if source.placed > 0 { len } else { 0 };
        let mut locations = room.column::<[f64; 2]>("locations", with_places)?;
        let mut dead = Tombstones::default();
        let mut reader = RowReader::new(source);
        let together = (RESIDENT / (4 * dim)).max(1);
        for (number, order) in order.chunks(together).enumerate() {
            let first = number * together;
            let targets = rows.as_mut_slice()[first * dim..]
                .chunks_exact_mut(dim)
                .zip(&mut cells.as_mut_slice()[first..]);
            for (position, (from, (row, cell))) in (first..).zip(order.iter().zip(targets)) {
                if let Some(from) = from.map(|at| at as usize) {
                    row.copy_from_slice(reader.row(from));
                    *cell = source.key(from).0;
                } else {
                    dead.insert(position);
                    *cell = u64::MAX;
                }
            }
            rows.release();
        }
        drop(reader);
        let ids = Ids::build(source, order, room)?;
        for (from, location) in order.iter().zip(locations.as_mut_slice()) {
            *location = from.map_or([f64::NAN; 2], |at| source.locations[at as usize]);
        }
        let unplaced = source.len() - source.placed;
        Ok(Self::new(
            dim,
            [len, unplaced],
            rows,
            ids,
            cells,
            locations,
            dead,
        ))
    }

    /// `counts` are the positions and the rows without a place.
    pub(crate) fn new(
        dim: usize,
        [len, unplaced]: [usize; 2],
        rows: Column<f32>,
        ids: Ids,
        cells: Column<u64>,
        locations: Column<[f64; 2]>,
        dead: Tombstones,
    ) -> Self {
        Self {
            dim,
            len,
            rows,
            ids,
            cells,
            locations,
            dead,
            unplaced,
            by_id: OnceLock::new(),
        }
    }

    /// Writes the columns.
    pub(crate) fn save(&self, to: &mut Writer) -> Result<SegmentManifest, StoreError> {
        let mut out = SegmentManifest {
            len: self.len,
            ..SegmentManifest::default()
        };
        let columns = [
            ("rows", self.rows.bytes()?),
            (self.ids.name(), self.ids.bytes()?),
            ("cells", self.cells.bytes()?),
            ("locations", self.locations.bytes()?),
        ];
        for (name, bytes) in columns {
            if !bytes.is_empty() {
                out.sections.insert(name.to_owned(), to.section(bytes)?);
            }
        }
        self.save_removed(&mut out, to)?;
        Ok(out)
    }

    /// Writes which rows are removed.
    pub(crate) fn save_removed(
        &self,
        manifest: &mut SegmentManifest,
        to: &mut Writer,
    ) -> Result<(), StoreError> {
        manifest.dead = self.dead.count;
        manifest.unplaced = self.unplaced;
        if self.dead.count > 0 {
            let section = to.section(bytemuck::cast_slice(&self.dead.words))?;
            manifest.sections.insert("dead".to_owned(), section);
        }
        Ok(())
    }

    /// Maps the columns.
    pub(crate) fn open(
        from: &Reader,
        dim: usize,
        manifest: &SegmentManifest,
    ) -> Result<Self, StoreError> {
        let (len, sections) = (manifest.len, &manifest.sections);
        let placed = if sections.contains_key("locations") {
            len
        } else {
            0
        };
        if len > MAX_ROWS {
            return Err(from.inconsistent("manifest"));
        }
        let words = sections.get("dead").map_or(0, |s| s.bytes as usize / 8);
        let dead = Tombstones {
            words: from.column::<u64>(sections, "dead", words)?.all()?.to_vec(),
            count: manifest.dead,
        };
        let counted: usize = dead.words.iter().map(|w| w.count_ones() as usize).sum();
        let beyond = || (len..words * 64).any(|at| dead.contains(at));
        if counted != dead.count || words > len.div_ceil(64) || beyond() {
            return Err(from.inconsistent("section dead"));
        }
        // Without coordinates, no row has a place.
        let live = len - dead.count;
        if manifest.unplaced > live || (placed == 0 && manifest.unplaced != live) {
            return Err(from.inconsistent("manifest"));
        }
        let values = len
            .checked_mul(dim)
            .ok_or_else(|| from.inconsistent("section rows"))?;
        Ok(Self::new(
            dim,
            [len, manifest.unplaced],
            from.column(sections, "rows", values)?.scattered(),
            Ids::open(from, sections, len)?,
            from.column(sections, "cells", len)?,
            from.column(sections, "locations", placed)?,
            dead,
        ))
    }

    /// Checks every block of every column.
    pub(crate) fn verify(&self) -> Result<(), Damage> {
        self.rows.all()?;
        self.ids.bytes()?;
        self.cells.all()?;
        self.locations.all().map(|_| ())
    }

    /// Rows that are not removed.
    pub(crate) fn live(&self) -> usize {
        self.len - self.dead.count
    }

    /// Marks a row, with a place or without, as removed; false if it was already.
    pub(crate) fn remove(&mut self, at: usize, placed: bool) -> bool {
        let removed = self.dead.insert(at);
        // A file may have told fewer than there are.
        self.unplaced = self
            .unplaced
            .saturating_sub(usize::from(removed && !placed));
        removed
    }

    /// Adds the rows that are not removed to a table.
    pub(crate) fn copy_into(&self, table: &mut RowTable) -> Result<(), AddError> {
        for at in (0..self.len).filter(|&at| !self.dead.contains(at)) {
            let (id, place) = ([self.id(at)?], self.place(at)?);
            let rows = Rows::new(self.row(at)?).with_ids(&id);
            match place {
                Some(place) => table.add(&rows.with_places(&[place]), |_| Ok(false))?,
                None => table.add(&rows, |_| Ok(false))?,
            }
        }
        Ok(())
    }

    pub(crate) fn row(&self, at: usize) -> Result<&[f32], Damage> {
        self.rows.get(at * self.dim..(at + 1) * self.dim)
    }

    pub(crate) fn id(&self, at: usize) -> Result<u64, Damage> {
        self.ids.at(at)
    }

    pub(crate) fn place(&self, at: usize) -> Result<Option<Place>, Damage> {
        if self.locations.size() == 0 {
            return Ok(None);
        }
        Ok(place_of(self.cells.at(at)?, self.locations.at(at)?))
    }

    /// The position of a row that is not removed.
    pub(crate) fn find(&self, id: u64) -> Result<Option<usize>, Damage> {
        self.ids.bytes()?;
        let id_at = |at: u32| self.ids.unchecked(at as usize);
        let by_id = self.by_id.get_or_init(|| {
            let live = |at: &u32| !self.dead.contains(*at as usize);
            let mut order: Vec<u32> = (0..self.len as u32).filter(live).collect();
            order.sort_unstable_by_key(|&at| id_at(at));
            order
        });
        let found = by_id.binary_search_by_key(&id, |&at| id_at(at)).ok();
        Ok(found
            .and_then(|i| by_id.get(i))
            .map(|&at| at as usize)
            .filter(|&at| !self.dead.contains(at)))
    }
}
