//! A sealed block of rows: int8 tiles to scan, full rows to score, sorted by S2 id.

use std::ops::Range;
use std::sync::OnceLock;

use geoloc_geo_cells::LatLng;

use crate::certificate::encode_row;
use crate::column::Column;
use crate::error::{Damage, MemoryError};
use crate::kernels::{TILE_HEADER, TILE_ROWS};
use crate::row_table::RowTable;
use crate::{CellKey, Place, Region};

/// The dimension rounded up to whole chunks of codes.
pub(crate) fn padded(dim: usize) -> usize {
    dim.next_multiple_of(8)
}

/// Bytes of one tile.
pub(crate) fn tile_bytes(dim: usize) -> usize {
    TILE_HEADER + TILE_ROWS * padded(dim)
}

/// Rows that no longer change, in ascending order of (S2 id, row id); only removal marks are added.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) dim: usize,
    pub(crate) len: usize,
    /// `ceil(len / 16)` tiles.
    pub(crate) tiles: Column<u8>,
    /// `[len, dim]`.
    pub(crate) rows: Column<f32>,
    pub(crate) ids: Column<u64>,
    /// S2 ids, ascending; 0 for a row without a place.
    pub(crate) cells: Column<u64>,
    /// Latitude, longitude in degrees; empty if no row has a place.
    pub(crate) locations: Column<[f64; 2]>,
    pub(crate) dead: Tombstones,
    /// Rows without a place that are not removed.
    pub(crate) unplaced: usize,
    /// Positions by ascending id, made when first needed.
    pub(crate) by_id: OnceLock<Vec<u32>>,
}

/// One bit per row: removed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tombstones {
    pub(crate) words: Vec<u64>,
    pub(crate) count: usize,
}

impl Tombstones {
    pub(crate) fn contains(&self, at: usize) -> bool {
        self.words
            .get(at / 64)
            .is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    /// Marks a row; false if it was marked already.
    pub(crate) fn insert(&mut self, at: usize) -> bool {
        if self.contains(at) {
            return false;
        }
        if self.words.len() <= at / 64 {
            self.words.resize(at / 64 + 1, 0);
        }
        if let Some(word) = self.words.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
        self.count += 1;
        true
    }
}

impl Segment {
    /// Sorts and codes the rows of a table.
    pub(crate) fn build(table: &RowTable) -> Result<Self, MemoryError> {
        let mut order: Vec<u32> = (0..table.len() as u32).collect();
        let key = |at: u32| {
            let at = at as usize;
            (table.cell(at), table.id(at))
        };
        order.sort_unstable_by_key(|&at| key(at));
        let (dim, len) = (table.dim(), table.len());
        let mut tiles = Column::<u8>::zeroed(len.div_ceil(TILE_ROWS) * tile_bytes(dim))?;
        let mut rows = Column::<f32>::zeroed(len * dim)?;
        let mut ids = Column::<u64>::zeroed(len)?;
        let mut cells = Column::<u64>::zeroed(len)?;
        let with_places = table.has_places();
        let mut locations = Column::<[f64; 2]>::zeroed(if with_places { len } else { 0 })?;
        let targets = rows
            .as_mut_slice()
            .chunks_exact_mut(dim)
            .zip(ids.as_mut_slice())
            .zip(cells.as_mut_slice());
        for (&at, ((row, id), cell)) in order.iter().zip(targets) {
            row.copy_from_slice(table.row(at as usize));
            *id = table.id(at as usize);
            *cell = table.cell(at as usize);
        }
        for (&at, location) in order.iter().zip(locations.as_mut_slice()) {
            *location = table
                .place(at as usize)
                .map_or([f64::NAN; 2], |p| [p.location.lat(), p.location.lng()]);
        }
        let coded = tiles.as_mut_slice().chunks_exact_mut(tile_bytes(dim));
        for (tile, rows) in coded.zip(rows.unchecked().chunks(TILE_ROWS * dim)) {
            encode_tile(tile, rows, dim);
        }
        Ok(Self {
            dim,
            len,
            tiles,
            rows,
            ids,
            cells,
            locations,
            dead: Tombstones::default(),
            unplaced: table.unplaced(),
            by_id: OnceLock::new(),
        })
    }

    /// Rows that are not removed.
    pub(crate) fn live(&self) -> usize {
        self.len - self.dead.count
    }

    /// Marks a row as removed; false if it was already.
    pub(crate) fn remove(&mut self, at: usize) -> Result<bool, Damage> {
        let placed = self.place(at)?.is_some();
        let removed = self.dead.insert(at);
        self.unplaced -= usize::from(removed && !placed);
        Ok(removed)
    }

    pub(crate) fn row(&self, at: usize) -> Result<&[f32], Damage> {
        self.rows.get(at * self.dim..(at + 1) * self.dim)
    }

    pub(crate) fn id(&self, at: usize) -> Result<u64, Damage> {
        Ok(self.ids.at(at)?.unwrap_or(0))
    }

    pub(crate) fn place(&self, at: usize) -> Result<Option<Place>, Damage> {
        let Some([lat, lng]) = self.locations.at(at)? else {
            return Ok(None);
        };
        let Ok(location) = LatLng::new(lat, lng) else {
            return Ok(None);
        };
        let cell = self.cells.at(at)?.and_then(CellKey::from_raw);
        Ok(Some(Place { location, cell }))
    }

    /// The positions of the rows of a region: a few ranges, since rows are sorted by S2 id.
    pub(crate) fn positions(&self, region: &Region) -> Result<Vec<Range<usize>>, Damage> {
        let mut out: Vec<Range<usize>> = Vec::new();
        for &(low, high) in &region.ranges {
            let start = self.lower_bound(low)?;
            let end = match high.checked_add(1) {
                Some(next) => self.lower_bound(next)?,
                None => self.len,
            };
            match out.last_mut() {
                _ if start >= end => {}
                Some(last) if last.end == start => last.end = end,
                _ => out.push(start..end),
            }
        }
        Ok(out)
    }

    /// The first position whose S2 id is not below `key`.
    fn lower_bound(&self, key: u64) -> Result<usize, Damage> {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.cells.at(middle)?.unwrap_or(u64::MAX) < key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// The position of a row that is not removed.
    pub(crate) fn find(&self, id: u64) -> Result<Option<usize>, Damage> {
        let ids = self.ids.all()?;
        let id_at = |at: u32| ids.get(at as usize).copied().unwrap_or(u64::MAX);
        let by_id = self.by_id.get_or_init(|| {
            let mut order: Vec<u32> = (0..self.len as u32).collect();
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

/// Codes up to 16 rows into one tile; the lanes after them are zero rows.
pub(crate) fn encode_tile(tile: &mut [u8], rows: &[f32], dim: usize) {
    if let Some(body) = tile.get_mut(TILE_HEADER..) {
        body.fill(128);
    }
    for (lane, row) in rows.chunks_exact(dim).enumerate() {
        encode_row(row, tile, lane);
    }
}
