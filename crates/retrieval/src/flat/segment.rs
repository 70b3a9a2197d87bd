//! A sealed block of rows: tiles of codes to scan, full rows to score, sorted by S2 id.

use std::ops::Range;

use crate::Region;
use crate::certificate::encode_row;
use crate::column::{Column, Room};
use crate::error::{Damage, MemoryError};
use crate::kernels::{TILE_HEADER, TILE_ROWS};
use crate::row_store::RowStore;
use crate::row_table::RowSlices;
use crate::segments::Sealed;
use crate::store::{SegmentManifest, StoreError, Writer};

use super::tiles::Tiles;

/// The dimension rounded up to whole chunks of codes.
pub(crate) fn padded(dim: usize) -> usize {
    dim.next_multiple_of(8)
}

/// Bytes of one tile.
pub(crate) fn tile_bytes(dim: usize) -> usize {
    TILE_HEADER + TILE_ROWS * padded(dim)
}

/// Bytes of the tiles of so many rows; `None` if that is more than a machine can address.
pub(crate) fn tiles_bytes(rows: usize, dim: usize) -> Option<usize> {
    rows.div_ceil(TILE_ROWS).checked_mul(tile_bytes(dim))
}

/// Rows in ascending order of (S2 id, row id).
#[derive(Debug)]
pub(crate) struct Segment {
    /// `ceil(len / 16)` tiles.
    pub(crate) tiles: Tiles,
    pub(crate) store: RowStore,
}

impl Segment {
    /// Sorts and codes rows.
    pub(crate) fn build(source: &RowSlices<'_>, room: &mut dyn Room) -> Result<Self, MemoryError> {
        let mut keyed: Vec<((u64, u64), u32)> = (0..source.len())
            .map(|at| (source.key(at), at as u32))
            .collect();
        keyed.sort_unstable();
        let order: Vec<Option<u32>> = keyed.iter().map(|(_, at)| Some(*at)).collect();
        drop(keyed);
        let store = RowStore::build(source, &order, room)?;
        let rows = store.rows.unchecked();
        let tiles = Tiles::encode(rows, store.dim, room, || store.rows.release())?;
        Ok(Self { tiles, store })
    }

    /// The positions of the rows of a region: a few ranges, since rows are sorted by S2 id.
    pub(crate) fn positions(&self, region: &Region) -> Result<Vec<Range<usize>>, Damage> {
        region_positions(&self.store, 0..self.store.len, region)
    }
}

impl Sealed for Segment {
    fn store(&self) -> &RowStore {
        &self.store
    }

    fn store_mut(&mut self) -> &mut RowStore {
        &mut self.store
    }

    fn save(&self, to: &mut Writer) -> Result<SegmentManifest, StoreError> {
        let mut manifest = self.store.save(to)?;
        self.tiles.save(to, &mut manifest.sections)?;
        Ok(manifest)
    }

    fn verify(&self) -> Result<(), Damage> {
        self.tiles.verify()
    }
}

/// The positions of a region among some that are sorted by S2 id.
pub(crate) fn region_positions(
    store: &RowStore,
    within: Range<usize>,
    region: &Region,
) -> Result<Vec<Range<usize>>, Damage> {
    let mut out: Vec<Range<usize>> = Vec::new();
    let mut from = within.start;
    for &(low, high) in &region.ranges {
        let start = lower_bound(store, from..within.end, low)?;
        let end = match high.checked_add(1) {
            Some(next) => lower_bound(store, start..within.end, next)?,
            None => within.end,
        };
        from = end;
        match out.last_mut() {
            _ if start >= end => {}
            Some(last) if last.end == start => last.end = end,
            _ => out.push(start..end),
        }
    }
    Ok(out)
}

/// The first position whose S2 id is not below `key`.
fn lower_bound(store: &RowStore, within: Range<usize>, key: u64) -> Result<usize, Damage> {
    let (mut low, mut high) = (within.start, within.end);
    while low < high {
        let middle = low + (high - low) / 2;
        if store.cells.at(middle)? < key {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// Codes rows into whole tiles.
pub(crate) fn encode_tiles(
    rows: &[f32],
    dim: usize,
    room: &mut dyn Room,
) -> Result<Column<u8>, MemoryError> {
    let size = tile_bytes(dim);
    let count = (rows.len() / dim).div_ceil(TILE_ROWS);
    let mut tiles = room.column("tiles", count * size)?;
    let places = tiles.as_mut_slice().chunks_exact_mut(size);
    for (tile, rows) in places.zip(rows.chunks(TILE_ROWS * dim)) {
        encode_tile(tile, rows, dim, encode_row);
    }
    Ok(tiles)
}

/// Codes up to 16 rows into one tile of zeroed bytes with `encode`; the lanes after them are zero rows.
pub(crate) fn encode_tile(
    tile: &mut [u8],
    rows: &[f32],
    dim: usize,
    encode: impl Fn(&[f32], &mut [u8], usize),
) {
    if let Some(body) = tile.get_mut(TILE_HEADER..) {
        body.fill(128);
    }
    for (lane, row) in rows.chunks_exact(dim).enumerate() {
        encode(row, tile, lane);
    }
}
