//! The lists of a sealed block of rows.

use std::ops::Range;

use crate::certificate::encode_row;
use crate::codes::{
    Rotation, encode_four_bit, encode_one_bit, four_bit_tile_bytes, one_bit_tile_bytes,
};
use crate::column::{Column, Room};
use crate::error::{Damage, MemoryError};
use crate::flat::tile_bytes;
use crate::kernels::{TILE_HEADER, TILE_ROWS};
use crate::row_reader::RowReader;
use crate::row_store::RowStore;
use crate::row_table::RowSlices;
use crate::segments::Sealed;
use crate::store::{RESIDENT, SegmentManifest, StoreError, Writer};

use super::ListCodes;

/// Rows by list; each list starts a new tile and is sorted by S2 id.
#[derive(Debug)]
pub(crate) struct ListSegment {
    pub(crate) codes: ListCodes,
    /// First tile of each list, and the end: `lists + 1` values.
    pub(crate) starts: Column<u32>,
    /// Mean of the rows of each list, `[lists, dim]`: what the codes are residuals of. The unit centroid
    /// is too long for that and costs low-bit codes much of their recall.
    pub(crate) means: Column<f32>,
    pub(crate) tiles: Column<u8>,
    pub(crate) store: RowStore,
}

/// Bytes of one tile of a kind of codes.
pub(crate) fn code_tile_bytes(codes: ListCodes, dim: usize) -> usize {
    match codes {
        ListCodes::Int8 => tile_bytes(dim),
        ListCodes::FourBit => four_bit_tile_bytes(dim),
        ListCodes::OneBit => one_bit_tile_bytes(dim),
    }
}

impl ListSegment {
    /// Groups rows by `owners` and codes their residuals.
    pub(crate) fn build(
        source: &RowSlices<'_>,
        owners: &[u32],
        lists: usize,
        codes: ListCodes,
        rotation: &Rotation,
        room: &mut dyn Room,
    ) -> Result<Self, MemoryError> {
        let dim = source.dim;
        let mut by_list: Vec<Vec<u32>> = vec![Vec::new(); lists];
        for (at, &owner) in owners.iter().enumerate() {
            if let Some(list) = by_list.get_mut(owner as usize) {
                list.push(at as u32);
            }
        }
        let mut order: Vec<Option<u32>> = Vec::with_capacity(source.len() + lists * TILE_ROWS);
        let mut starts = Vec::with_capacity(lists + 1);
        let mut means = vec![0f32; lists * dim];
        let mut reader = RowReader::new(source);
        for (list, mean) in by_list.iter_mut().zip(means.chunks_exact_mut(dim)) {
            starts.push((order.len() / TILE_ROWS) as u32);
            list.sort_unstable_by_key(|&at| source.key(at as usize));
            order.extend(list.iter().copied().map(Some));
            order.resize(order.len().next_multiple_of(TILE_ROWS), None);
            let mut sum = vec![0f64; dim];
            for &at in list.iter() {
                let row = reader.row(at as usize);
                sum.iter_mut()
                    .zip(row)
                    .for_each(|(s, &v)| *s += f64::from(v));
            }
            for (m, s) in mean.iter_mut().zip(sum) {
                *m = (s / list.len().max(1) as f64) as f32;
            }
        }
        starts.push((order.len() / TILE_ROWS) as u32);
        drop((by_list, reader));
        let store = RowStore::build(source, &order, room)?;
        let mut segment = Self {
            codes,
            starts: Column::copied(&starts, "starts", room)?,
            means: Column::copied(&means, "means", room)?,
            tiles: room.column(
                "tiles",
                order.len() / TILE_ROWS * code_tile_bytes(codes, dim),
            )?,
            store,
        };
        segment.encode(&starts, &means, rotation);
        Ok(segment)
    }

    fn encode(&mut self, starts: &[u32], means: &[f32], rotation: &Rotation) {
        let (dim, codes) = (self.store.dim, self.codes);
        let size = code_tile_bytes(codes, dim);
        let mut residual = vec![0f32; dim];
        let together = (RESIDENT / (4 * TILE_ROWS * dim)).max(1);
        for (bounds, mean) in starts.windows(2).zip(means.chunks_exact(dim)) {
            let &[from, to] = bounds else { continue };
            for t in from as usize..to as usize {
                if t % together == 0 {
                    self.tiles.release();
                    self.store.rows.release();
                }
                let tiles = self.tiles.as_mut_slice();
                let Some(tile) = tiles.get_mut(t * size..(t + 1) * size) else {
                    return;
                };
                if codes == ListCodes::Int8
                    && let Some(body) = tile.get_mut(TILE_HEADER..)
                {
                    body.fill(128);
                }
                for lane in 0..TILE_ROWS {
                    let at = t * TILE_ROWS + lane;
                    if self.store.dead.contains(at) {
                        continue;
                    }
                    let rows = self.store.rows.unchecked();
                    let row = &rows[at * dim..(at + 1) * dim];
                    for ((r, x), m) in residual.iter_mut().zip(row).zip(mean) {
                        *r = x - m;
                    }
                    match codes {
                        ListCodes::Int8 => encode_row(&residual, tile, lane),
                        ListCodes::FourBit => {
                            rotation.apply(&mut residual);
                            encode_four_bit(&residual, tile, lane);
                        }
                        ListCodes::OneBit => {
                            rotation.apply(&mut residual);
                            encode_one_bit(&residual, tile, lane);
                        }
                    }
                }
            }
        }
    }

    /// The positions of a list.
    pub(crate) fn list(&self, list: u32) -> Range<usize> {
        let at = |i: usize| self.starts.unchecked().get(i).map_or(0, |&v| v as usize);
        at(list as usize) * TILE_ROWS..at(list as usize + 1) * TILE_ROWS
    }

    pub(crate) fn mean(&self, list: u32) -> &[f32] {
        let (dim, list) = (self.store.dim, list as usize);
        // The router names lists of the index, and opening compares the length of the means with their number.
        &self.means.unchecked()[list * dim..(list + 1) * dim]
    }
}

impl Sealed for ListSegment {
    fn store(&self) -> &RowStore {
        &self.store
    }

    fn store_mut(&mut self) -> &mut RowStore {
        &mut self.store
    }

    fn save(&self, to: &mut Writer) -> Result<SegmentManifest, StoreError> {
        let mut manifest = self.store.save(to)?;
        let columns = [
            ("tiles", self.tiles.bytes()?),
            ("starts", self.starts.bytes()?),
            ("means", self.means.bytes()?),
        ];
        for (name, bytes) in columns {
            manifest
                .sections
                .insert(name.to_owned(), to.section(bytes)?);
        }
        Ok(manifest)
    }

    fn verify(&self) -> Result<(), Damage> {
        self.tiles.all().map(|_| ())
    }
}
