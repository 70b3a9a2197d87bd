//! The codes of the rows of a segment, 16 to a tile.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::certificate::{Asked, encode_split_row};
use crate::column::{Column, Room};
use crate::error::{Damage, MemoryError};
use crate::kernels::{
    Kernel, Offsets, Scan, Scratch, Sink, SplitScan, TILE_ROWS, join_tile, lower_bytes, scan_one,
    scan_split, split_tile, upper_bytes,
};
use crate::store::{RESIDENT, Reader, SectionManifest, StoreError, Writer};

use super::segment::{encode_tile, padded, tile_bytes, tiles_bytes};

type Sections = BTreeMap<String, SectionManifest>;

/// Int8 tiles, whole or in two parts.
#[derive(Debug)]
pub(crate) enum Tiles {
    /// As files of format 1 have them.
    Whole(Column<u8>),
    /// The upper halves of the codes, which every scan reads, and the lower ones.
    Split {
        upper: Column<u8>,
        lower: Column<u8>,
    },
}

impl Tiles {
    /// Codes rows; `release` is called when some of them are coded and not needed again.
    pub(super) fn encode(
        rows: &[f32],
        dim: usize,
        room: &mut dyn Room,
        release: impl Fn(),
    ) -> Result<Self, MemoryError> {
        let padded = padded(dim);
        let (upper_size, lower_size) = (upper_bytes(padded), lower_bytes(padded));
        let count = (rows.len() / dim).div_ceil(TILE_ROWS);
        let mut upper = room.column("upper", count * upper_size)?;
        let mut lower = room.column("lower", count * lower_size)?;
        let mut tile = vec![0; tile_bytes(dim)];
        let together = (RESIDENT / (4 * TILE_ROWS * dim)).max(1);
        for (number, rows) in rows.chunks(together * TILE_ROWS * dim).enumerate() {
            let uppers = upper.as_mut_slice().chunks_exact_mut(upper_size);
            let lowers = lower.as_mut_slice().chunks_exact_mut(lower_size);
            let parts = uppers.zip(lowers).skip(number * together);
            for ((upper, lower), rows) in parts.zip(rows.chunks(TILE_ROWS * dim)) {
                tile.fill(0);
                encode_tile(&mut tile, rows, dim, encode_split_row);
                split_tile(&tile, upper, lower);
            }
            release();
            upper.release();
            lower.release();
        }
        Ok(Self::Split { upper, lower })
    }

    /// Maps the codes of some rows.
    pub(crate) fn open(
        from: &Reader,
        sections: &Sections,
        rows: usize,
        dim: usize,
    ) -> Result<Self, StoreError> {
        let size = |tile: usize, name: &str| {
            let size = rows.div_ceil(TILE_ROWS).checked_mul(tile);
            size.ok_or_else(|| from.inconsistent(&format!("section {name}")))
        };
        if sections.contains_key("tiles") {
            let bytes = tiles_bytes(rows, dim).ok_or_else(|| from.inconsistent("section tiles"))?;
            return Ok(Self::Whole(from.column(sections, "tiles", bytes)?));
        }
        let (upper, lower) = (upper_bytes(padded(dim)), lower_bytes(padded(dim)));
        Ok(Self::Split {
            upper: from.column(sections, "upper", size(upper, "upper")?)?,
            lower: from.column(sections, "lower", size(lower, "lower")?)?,
        })
    }

    /// Writes the codes.
    pub(super) fn save(&self, to: &mut Writer, sections: &mut Sections) -> Result<(), StoreError> {
        for (name, column) in self.columns() {
            sections.insert(name.to_owned(), to.section(column.bytes()?)?);
        }
        Ok(())
    }

    /// Checks every block.
    pub(super) fn verify(&self) -> Result<(), Damage> {
        for (_, column) in self.columns() {
            column.all()?;
        }
        Ok(())
    }

    /// Bytes of all parts.
    pub(super) fn size(&self) -> usize {
        self.columns().map(|(_, column)| column.size()).sum()
    }

    fn columns(&self) -> impl Iterator<Item = (&'static str, &Column<u8>)> {
        let columns = match self {
            Self::Whole(tiles) => [Some(("tiles", tiles)), None],
            Self::Split { upper, lower } => [Some(("upper", upper)), Some(("lower", lower))],
        };
        columns.into_iter().flatten()
    }

    /// Scans a range of tiles for one query; what comes from a file is checked before.
    pub(crate) fn scan<S: Sink>(
        &self,
        dim: usize,
        tiles: &Range<usize>,
        offsets: Option<Offsets<'_>>,
        (kernel, query): (Kernel, Asked<'_>),
        sink: &mut S,
    ) -> Result<(), Damage> {
        let (padded, first_row) = (padded(dim), tiles.start * TILE_ROWS);
        match self {
            Self::Whole(column) => {
                let scan = Scan {
                    tiles: some(column, tiles, tile_bytes(dim))?,
                    padded,
                    first_row,
                    offsets,
                };
                scan_one(kernel, &scan, query, sink);
                Ok(())
            }
            Self::Split { upper, lower } => {
                let scan = SplitScan {
                    upper: some(upper, tiles, upper_bytes(padded))?,
                    padded,
                    first_row,
                    offsets,
                };
                let lower_part = |t: usize| {
                    let t = tiles.start + t;
                    some(lower, &(t..t + 1), lower_bytes(padded))
                };
                scan_split(kernel, &scan, query, lower_part, sink)
            }
        }
    }

    /// A range of tiles, whole; put together in `room` if they are in parts.
    pub(super) fn whole<'a>(
        &'a self,
        dim: usize,
        tiles: &Range<usize>,
        kernel: Kernel,
        room: &'a mut Scratch,
    ) -> Result<&'a [u8], Damage> {
        let padded = padded(dim);
        match self {
            Self::Whole(column) => some(column, tiles, tile_bytes(dim)),
            Self::Split { upper, lower } => {
                let upper = some(upper, tiles, upper_bytes(padded))?;
                let lower = some(lower, tiles, lower_bytes(padded))?;
                let room = room.get(tiles.len() * tile_bytes(dim));
                let parts = (upper.chunks_exact(upper_bytes(padded)))
                    .zip(lower.chunks_exact(lower_bytes(padded)));
                for (tile, (upper, lower)) in room.chunks_exact_mut(tile_bytes(dim)).zip(parts) {
                    join_tile(kernel, upper, lower, tile);
                }
                Ok(room)
            }
        }
    }
}

/// The bytes of a range of tiles of some size each.
fn some<'a>(column: &'a Column<u8>, tiles: &Range<usize>, size: usize) -> Result<&'a [u8], Damage> {
    column.get(tiles.start * size..tiles.end * size)
}
