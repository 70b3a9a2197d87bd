//! Tiles cut in two: a scan reads the upper four bits of every code, and the lower four only in tiles that the
//! upper ones cannot rule out.
//!
//! ```text
//! tile         header, then 16 rows x 4 columns, 16 rows x 4 columns, ... (64 bytes each)
//! upper part   header, then for every two of them their upper halves: of the first in the lower four bits
//! lower part   likewise their lower halves, without a header
//! ```
//!
//! The header of a tile that is cut holds scales of 16 bits and, in the other 16, how far the upper halves
//! alone can be from the row.

use std::ops::Range;

use crate::certificate::Asked;
use crate::error::Damage;

#[cfg(target_arch = "aarch64")]
use super::neon_split;
use super::{Kernel, Offsets, Scan, Sink, TILE_HEADER, TILE_ROWS, portable, prefetch, scan_one};
#[cfg(target_arch = "x86_64")]
use super::{avx2_split, avx512_split};

/// The upper parts of whole tiles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SplitScan<'a> {
    pub(crate) upper: &'a [u8],
    /// The dimension rounded up to a multiple of 8.
    pub(crate) padded: usize,
    /// Row number of the first row of the first tile.
    pub(crate) first_row: usize,
    /// Something to add to every row's score.
    pub(crate) offsets: Option<Offsets<'a>>,
}

impl SplitScan<'_> {
    fn tile_bytes(&self) -> usize {
        upper_bytes(self.padded)
    }

    /// The upper parts of some tiles, with their numbers.
    pub(super) fn tiles(&self, among: Range<usize>) -> impl Iterator<Item = (usize, &[u8])> {
        let all = self.upper.chunks_exact(self.tile_bytes());
        all.enumerate().skip(among.start).take(among.len())
    }
}

/// Bytes of the upper part of a tile.
pub(crate) fn upper_bytes(padded: usize) -> usize {
    TILE_HEADER + lower_bytes(padded)
}

/// Bytes of the lower part of a tile.
pub(crate) fn lower_bytes(padded: usize) -> usize {
    TILE_ROWS * padded / 2
}

/// Cuts a tile in two.
pub(crate) fn split_tile(tile: &[u8], upper: &mut [u8], lower: &mut [u8]) {
    let (Some((header, codes)), Some((upper_header, upper))) = (
        tile.split_first_chunk::<TILE_HEADER>(),
        upper.split_first_chunk_mut::<TILE_HEADER>(),
    ) else {
        return;
    };
    upper_header.copy_from_slice(header);
    let pairs = codes.as_chunks::<128>().0.iter();
    let parts = (upper.as_chunks_mut::<64>().0.iter_mut()).zip(lower.as_chunks_mut::<64>().0);
    for (pair, (upper, lower)) in pairs.zip(parts) {
        let (first, second) = pair.split_at(64);
        for (((u, l), &a), &b) in upper.iter_mut().zip(lower).zip(first).zip(second) {
            *u = a >> 4 | b & 0xf0;
            *l = a & 0x0f | b << 4;
        }
    }
}

/// The reverse of [`split_tile`]; the header keeps only the scales.
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "compiled anew with the caller's instructions"
)]
pub(super) fn join_with_any(upper: &[u8], lower: &[u8], tile: &mut [u8]) {
    let (Some((upper_header, upper)), Some((header, codes))) = (
        upper.split_first_chunk::<TILE_HEADER>(),
        tile.split_first_chunk_mut::<TILE_HEADER>(),
    ) else {
        return;
    };
    header.copy_from_slice(upper_header);
    for scale in header.as_chunks_mut::<4>().0.iter_mut().take(TILE_ROWS) {
        (scale[0], scale[1]) = (0, 0);
    }
    let parts = (upper.as_chunks::<64>().0.iter()).zip(lower.as_chunks::<64>().0);
    for (pair, (upper, lower)) in codes.as_chunks_mut::<128>().0.iter_mut().zip(parts) {
        let (first, second) = pair.split_at_mut(64);
        for (((a, b), &u), &l) in first.iter_mut().zip(second).zip(upper).zip(lower) {
            *a = u << 4 | l & 0x0f;
            *b = u & 0xf0 | l >> 4;
        }
    }
}

/// Puts a tile together again.
pub(crate) fn join_tile(kernel: Kernel, upper: &[u8], lower: &[u8], tile: &mut [u8]) {
    match kernel {
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512Vnni if kernel.is_available() => {
            #[allow(unsafe_code, reason = "calls a function that needs AVX-512")]
            // SAFETY: the guard has checked the features that the function enables.
            unsafe {
                avx512_split::join_tile(upper, lower, tile);
            }
        }
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2 if kernel.is_available() => {
            #[allow(unsafe_code, reason = "calls a function that needs AVX2")]
            // SAFETY: the guard has checked the features that the function enables.
            unsafe {
                avx2_split::join_tile(upper, lower, tile);
            }
        }
        _ => join_with_any(upper, lower, tile),
    }
}

/// Bytes that are used again and again, on a boundary of cache lines.
#[derive(Debug, Default)]
pub(crate) struct Scratch(Vec<u8>);

impl Scratch {
    /// So many bytes, of any content.
    pub(crate) fn get(&mut self, size: usize) -> &mut [u8] {
        self.0.resize(size + 63, 0);
        let start = self.0.as_ptr().align_offset(64).min(63);
        &mut self.0[start..start + size]
    }
}

/// Receives the tiles that their upper parts cannot rule out.
pub(super) trait Survivors {
    /// Tiles in which no row's upper bound reaches this are not reported.
    fn floor(&self) -> f32;

    /// A tile and the highest upper bound of its rows.
    fn take(&mut self, tile: usize, bound: f32);
}

/// Tiles whose survival tells whether their upper parts rule out enough of a scan to be worth reading alone.
const PROBED: usize = 8;

/// Survivors whose lower parts are on their way from memory.
const SOON: usize = 3;

/// The survivors of one scan.
struct Gathered {
    floor: f32,
    tiles: Vec<(f32, usize)>,
}

impl Survivors for Gathered {
    fn floor(&self) -> f32 {
        self.floor
    }

    fn take(&mut self, tile: usize, bound: f32) {
        self.tiles.push((bound, tile));
    }
}

/// Scans for one query, with both planes of its code: first the upper parts, then, from the highest bound down
/// until the floor has risen above it, whole tiles. Where half of the first tiles survive, all are taken whole.
/// `lower` gives the lower part of a tile of the scan, by its number there.
///
/// # Errors
///
/// What `lower` fails with.
pub(crate) fn scan_split<'a, S: Sink>(
    kernel: Kernel,
    scan: &SplitScan<'a>,
    query: Asked<'_>,
    lower: impl Fn(usize) -> Result<&'a [u8], Damage>,
    sink: &mut S,
) -> Result<(), Damage> {
    let count = scan.upper.len() / scan.tile_bytes();
    let probed = PROBED.min(count);
    let mut survivors = Gathered {
        floor: sink.floor(),
        tiles: Vec::new(),
    };
    scan_upper(kernel, scan, 0..probed, query, &mut survivors);
    let mut room = Scratch::default();
    if 2 * survivors.tiles.len() >= probed {
        return scan_whole(kernel, scan, 0..count, query, &lower, &mut room, sink);
    }
    scan_upper(kernel, scan, probed..count, query, &mut survivors);
    let mut tiles = survivors.tiles;
    tiles.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    for &(_, soon) in tiles.iter().take(SOON) {
        prefetch(lower(soon)?);
    }
    for (i, &(bound, t)) in tiles.iter().enumerate() {
        if bound < sink.floor() {
            break;
        }
        if let Some(&(bound, soon)) = tiles.get(i + SOON)
            && bound >= sink.floor()
        {
            prefetch(lower(soon)?);
        }
        scan_whole(kernel, scan, t..t + 1, query, &lower, &mut room, sink)?;
    }
    Ok(())
}

/// Scans both parts of some tiles; puts them together in `room` where that is the way.
fn scan_whole<'a, S: Sink>(
    kernel: Kernel,
    scan: &SplitScan<'a>,
    tiles: Range<usize>,
    query: Asked<'_>,
    lower: impl Fn(usize) -> Result<&'a [u8], Damage>,
    room: &mut Scratch,
    sink: &mut S,
) -> Result<(), Damage> {
    #[cfg(target_arch = "x86_64")]
    if kernel == Kernel::Avx512Vnni && kernel.is_available() {
        #[allow(unsafe_code, reason = "calls a function that needs AVX-512")]
        // SAFETY: the condition has checked the features that the function enables.
        return unsafe { avx512_split::scan_whole(scan, tiles, query, lower, sink) };
    }
    for (t, upper) in scan.tiles(tiles) {
        let tile = room.get(TILE_HEADER + TILE_ROWS * scan.padded);
        join_tile(kernel, upper, lower(t)?, tile);
        let whole = Scan {
            tiles: tile,
            padded: scan.padded,
            first_row: scan.first_row + t * TILE_ROWS,
            offsets: scan.offsets.map(|offsets| offsets.after(t)),
        };
        scan_one(kernel, &whole, query, sink);
    }
    Ok(())
}

/// Scans the upper parts of some tiles.
fn scan_upper<S: Survivors>(
    kernel: Kernel,
    scan: &SplitScan<'_>,
    tiles: Range<usize>,
    query: Asked<'_>,
    survivors: &mut S,
) {
    match kernel {
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512Vnni if kernel.is_available() => {
            #[allow(unsafe_code, reason = "calls a function that needs AVX-512")]
            // SAFETY: the guard has checked the features that the function enables.
            unsafe {
                avx512_split::scan_upper(scan, tiles, query, survivors);
            }
        }
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2 if kernel.is_available() => {
            #[allow(unsafe_code, reason = "calls a function that needs AVX2")]
            // SAFETY: the guard has checked the features that the function enables.
            unsafe {
                avx2_split::scan_upper(scan, tiles, query, survivors);
            }
        }
        #[cfg(target_arch = "aarch64")]
        Kernel::Neon if kernel.is_available() => {
            #[allow(unsafe_code, reason = "calls a function that needs NEON")]
            // SAFETY: the guard has checked the features that the function enables.
            unsafe {
                neon_split::scan_upper(scan, tiles, query, survivors);
            }
        }
        _ => portable::scan_upper(scan, tiles, query, survivors),
    }
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
