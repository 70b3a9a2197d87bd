//! The pieces of lists that a query visits.

use std::ops::Range;

use geoloc_geo_cells::LatLng;

use crate::Query;
use crate::error::Damage;
use crate::flat::region_positions;
use crate::kernels::{TILE_ROWS, prefetch};

use super::ListCodes;
use super::segment::{ListSegment, code_tile_bytes};

/// Bytes of the next list asked for while one is scanned.
const PREFETCH_BYTES: usize = 4096;

/// A range of rows of one list of one segment.
pub(super) struct Visit<'a> {
    pub(super) segment: &'a ListSegment,
    pub(super) number: u32,
    pub(super) list: u32,
    pub(super) rows: Range<usize>,
}

impl<'a> Visit<'a> {
    /// What a query visits of one list: everything, or the rows in its region.
    pub(super) fn of_list(
        segments: &'a [ListSegment],
        list: u32,
        query: &Query,
        out: &mut Vec<Self>,
    ) -> Result<(), Damage> {
        for (number, segment) in segments.iter().enumerate() {
            let all = segment.list(list);
            let ranges = match &query.region {
                None if all.is_empty() => Vec::new(),
                None => std::iter::once(all).collect(),
                Some(region) => region_positions(&segment.store, all, region)?,
            };
            for rows in ranges {
                if query.region.as_ref().is_some_and(|r| r.shape.is_some()) {
                    // Checked here, so that the scan can look at single rows.
                    segment.store.locations.get(rows.clone())?;
                }
                out.push(Self {
                    segment,
                    number: number as u32,
                    list,
                    rows,
                });
            }
        }
        Ok(())
    }

    /// Whether a row lies in the shape of the region.
    pub(super) fn keeps(&self, query: &Query, at: usize) -> bool {
        let Some(shape) = query.region.as_ref().and_then(|r| r.shape.as_ref()) else {
            return true;
        };
        let location = self.segment.store.locations.unchecked().get(at);
        let p = location.and_then(|&[lat, lng]| LatLng::new(lat, lng).ok());
        p.is_some_and(|p| shape.contains(p))
    }

    /// The rows of the tiles to scan.
    pub(super) fn tile_rows(&self) -> Range<usize> {
        self.rows.start / TILE_ROWS * TILE_ROWS..self.rows.end.next_multiple_of(TILE_ROWS)
    }

    pub(super) fn tiles(&self, codes: ListCodes) -> Result<&'a [u8], Damage> {
        let size = code_tile_bytes(codes, self.segment.store.dim);
        let rows = self.tile_rows();
        let tiles = rows.start / TILE_ROWS..rows.end / TILE_ROWS;
        self.segment.tiles.get(tiles.start * size..tiles.end * size)
    }

    /// Asks the cache for the beginning of the list: lists lie anywhere in memory.
    pub(super) fn prefetch(&self, codes: ListCodes) {
        let size = code_tile_bytes(codes, self.segment.store.dim);
        let from = self.rows.start / TILE_ROWS * size;
        let bytes = self.segment.tiles.unchecked();
        let end = (from + PREFETCH_BYTES).min(bytes.len());
        // A hint for the cache: of a damaged file it may be empty.
        prefetch(bytes.get(from..end).unwrap_or(&[]));
        prefetch(self.segment.mean(self.list));
    }
}
