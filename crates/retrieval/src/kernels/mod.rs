//! The inner loops: scans over int8 tiles and full-precision products, one file per instruction set.
//!
//! Every set computes the same integers and the same full-precision scores; only the rounding of the
//! approximate score may differ in the last bits, which the certificate allows for.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx2_low_bits;
#[cfg(target_arch = "x86_64")]
mod avx2_split;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512_low_bits;
#[cfg(target_arch = "x86_64")]
mod avx512_split;
mod low_bits;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "aarch64")]
mod neon_split;
mod portable;
mod prefetch;
mod split;

pub(crate) use low_bits::{LowScan, scan_four_bit, scan_four_bit_group, scan_one_bit};
pub(crate) use prefetch::prefetch;
pub(crate) use split::{
    Scratch, SplitScan, join_tile, lower_bytes, scan_split, split_tile, upper_bytes,
};

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::certificate::Asked;

/// Rows in one tile.
pub(crate) const TILE_ROWS: usize = 16;
/// Bytes before the codes of a tile: 16 scales (f32), then 16 packed error and norm bounds.
pub(crate) const TILE_HEADER: usize = 128;
/// Queries that one pass over a tile serves in batch mode.
pub(crate) const GROUP: usize = 8;

/// A set of instructions for the inner loops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Kernel {
    /// x86-64 with AVX-512 F, BW and VNNI.
    Avx512Vnni,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// 64-bit ARM.
    Neon,
    /// Plain Rust.
    Portable,
}

impl Kernel {
    /// The fastest set that this machine has.
    #[must_use]
    pub fn detect() -> Self {
        static FASTEST: OnceLock<Kernel> = OnceLock::new();
        *FASTEST.get_or_init(|| Self::available().first().copied().unwrap_or(Self::Portable))
    }

    /// All sets that this machine has, fastest first; [`Portable`](Self::Portable) is always there.
    #[must_use]
    pub fn available() -> Vec<Self> {
        [Self::Avx512Vnni, Self::Avx2, Self::Neon, Self::Portable]
            .into_iter()
            .filter(|kernel| kernel.is_available())
            .collect()
    }

    /// Whether this machine has the set.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => avx512::is_available(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::is_available(),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => neon::is_available(),
            Self::Portable => true,
            #[allow(unreachable_patterns, reason = "the sets of the other machines")]
            _ => false,
        }
    }

    /// Query codes lie in plus or minus this: AVX2 adds two products of a byte and a code in 16 bits
    /// (2 x 255 x 64 < 2^15).
    pub(crate) fn query_levels(self) -> i32 {
        if self == Self::Avx2 { 64 } else { 127 }
    }
}

/// Whole int8 tiles to scan, as in [`crate::tiles`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scan<'a> {
    /// Whole tiles, one after another.
    pub(crate) tiles: &'a [u8],
    /// The dimension rounded up to a multiple of 8.
    pub(crate) padded: usize,
    /// Row number of the first row of the first tile.
    pub(crate) first_row: usize,
    /// Something to add to every row's score.
    pub(crate) offsets: Option<Offsets<'a>>,
}

/// Terms of the rows of a scan, each known to within a slack of the truth.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Offsets<'a> {
    /// One term and one slack a row, 16 a tile.
    PerRow { score: &'a [f32], slack: &'a [f32] },
    /// Rows share `[term, slack]` pairs: `parents` names the pair of each row, and a row whose pair is
    /// not there has none.
    Shared {
        parents: &'a [u32],
        terms: &'a [[f32; 2]],
    },
}

impl Offsets<'_> {
    /// Those after the first `n` tiles.
    fn after(self, n: usize) -> Self {
        fn rest<T>(all: &[T], n: usize) -> &[T] {
            // The last tile may be the last row's: nothing is after it.
            all.get(n * TILE_ROWS..).unwrap_or(&[])
        }
        match self {
            Self::PerRow { score, slack } => Self::PerRow {
                score: rest(score, n),
                slack: rest(slack, n),
            },
            Self::Shared { parents, terms } => Self::Shared {
                parents: rest(parents, n),
                terms,
            },
        }
    }

    /// The terms and slacks of the rows of tile `t`; `None` past the end.
    #[inline]
    fn of_tile(&self, t: usize) -> Option<([f32; TILE_ROWS], [f32; TILE_ROWS])> {
        let rows = t * TILE_ROWS..(t + 1) * TILE_ROWS;
        match self {
            Self::PerRow { score, slack } => Some((
                *score.get(rows.clone())?.first_chunk()?,
                *slack.get(rows)?.first_chunk()?,
            )),
            Self::Shared { parents, terms } => {
                let (mut score, mut slack) = ([0f32; TILE_ROWS], [0f32; TILE_ROWS]);
                let parents = parents.get(rows.start..rows.end.min(parents.len()))?;
                for ((s, e), &parent) in score.iter_mut().zip(&mut slack).zip(parents) {
                    [*s, *e] = terms.get(parent as usize).copied().unwrap_or([0.0; 2]);
                }
                Some((score, slack))
            }
        }
    }
}

impl Scan<'_> {
    pub(crate) fn tile_bytes(&self) -> usize {
        TILE_HEADER + TILE_ROWS * self.padded
    }

    /// How far ahead to ask the cache for codes: there is nothing after a single tile.
    #[cfg(target_arch = "x86_64")]
    fn ahead(&self, distance: usize) -> usize {
        if self.tiles.len() > self.tile_bytes() {
            distance
        } else {
            0
        }
    }
}

/// Receives the rows that a scan cannot rule out.
pub(crate) trait Sink {
    /// Rows whose upper bound lies below this are not reported.
    fn floor(&self) -> f32;

    /// Rows `first_row + lane` for the set bits of `lanes`, each with its approximate score and the
    /// greatest distance of the truth from it.
    fn take(&mut self, first_row: usize, lanes: u32, score: &[f32; 16], slack: &[f32; 16]);
}

/// Scans for one query, with both planes of its code.
pub(crate) fn scan_one<S: Sink>(kernel: Kernel, scan: &Scan<'_>, query: Asked<'_>, sink: &mut S) {
    match kernel {
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512Vnni if kernel.is_available() => {
            #[allow(unsafe_code, reason = "calls a function that needs AVX-512")]
            // SAFETY: the guard has checked the features that the function enables.
            unsafe {
                avx512::scan_one(scan, query, sink);
            }
        }
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2 if kernel.is_available() => {
            #[allow(unsafe_code, reason = "calls a function that needs AVX2")]
            // SAFETY: the guard has checked the features that the function enables.
            unsafe {
                avx2::scan_one(scan, query, sink);
            }
        }
        #[cfg(target_arch = "aarch64")]
        Kernel::Neon if kernel.is_available() => {
            #[allow(unsafe_code, reason = "calls a function that needs NEON")]
            // SAFETY: the guard has checked the features that the function enables.
            unsafe {
                neon::scan_one(scan, query, sink);
            }
        }
        _ => portable::scan_one(scan, query, sink),
    }
}

/// Scans for several queries, with the first plane of their codes; `sinks` are in their order.
pub(crate) fn scan_group<S: Sink>(
    kernel: Kernel,
    scan: &Scan<'_>,
    queries: &[Asked<'_>],
    sinks: &mut [S],
) {
    #[cfg(target_arch = "x86_64")]
    if kernel == Kernel::Avx512Vnni && kernel.is_available() && scan.offsets.is_none() {
        for (queries, sinks) in queries.chunks(GROUP).zip(sinks.chunks_mut(GROUP)) {
            #[allow(unsafe_code, reason = "calls a function that needs AVX-512")]
            // SAFETY: the condition has checked the features that the function enables.
            unsafe {
                avx512::scan_group(scan, queries, sinks);
            }
        }
        return;
    }
    for (query, sink) in queries.iter().zip(sinks) {
        scan_one(kernel, scan, *query, sink);
    }
}

/// The score of two vectors of one length: see [`VectorIndex`](crate::VectorIndex).
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    dot64(a, b) as f32
}

/// The inner product before it is rounded to f32: the same bits on every machine.
pub(crate) fn dot64(a: &[f32], b: &[f32]) -> f64 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            #[allow(unsafe_code, reason = "calls a function that needs AVX-512")]
            // SAFETY: the condition has checked the feature.
            return unsafe { avx512::dot64(a, b) };
        }
        if avx2::is_available() {
            #[allow(unsafe_code, reason = "calls a function that needs AVX2")]
            // SAFETY: the condition has checked the features.
            return unsafe { avx2::dot64(a, b) };
        }
    }
    portable::dot64(a, b)
}

#[cfg(test)]
mod low_bits_tests;
#[cfg(test)]
#[path = "kernels_tests.rs"]
mod tests;
