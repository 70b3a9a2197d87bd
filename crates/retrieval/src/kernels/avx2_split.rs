//! AVX2 over the upper parts of tiles: sums of products of halves stay in 16 bits for eight chunks.
#![allow(unsafe_code, reason = "vector loads through pointers")]

use std::arch::x86_64::{
    __m256i, _mm256_add_epi16, _mm256_add_epi32, _mm256_and_si256, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32,
    _mm256_setzero_si256, _mm256_srli_epi16,
};

use std::ops::Range;

use super::TILE_HEADER;
use super::avx2::{load, store};
use super::portable::finish_upper;
use super::prefetch::prefetch_line;
use super::split::{SplitScan, Survivors, join_with_any};
use crate::certificate::Asked;

/// Chunks whose products are summed in 16 bits: 4 x 15 x 64 for each stays below 2^15.
const IN_16_BITS: usize = 8;

#[target_feature(enable = "avx2,fma")]
pub(super) fn join_tile(upper: &[u8], lower: &[u8], tile: &mut [u8]) {
    join_with_any(upper, lower, tile);
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn scan_upper<S: Survivors>(
    scan: &SplitScan<'_>,
    tiles: Range<usize>,
    query: Asked<'_>,
    survivors: &mut S,
) {
    let ones = _mm256_set1_epi16(1);
    let half = _mm256_set1_epi8(0x0f);
    for (t, tile) in scan.tiles(tiles) {
        let (header, codes) = tile.split_at(TILE_HEADER);
        let mut sums = [_mm256_setzero_si256(); 2];
        let chunks = codes.as_chunks::<64>().0.chunks(IN_16_BITS);
        for (chunks, words) in chunks.zip(query.code.words.chunks(IN_16_BITS)) {
            let mut short = [_mm256_setzero_si256(); 2];
            for (chunk, words) in chunks.iter().zip(words) {
                prefetch_line(chunk, 4096);
                let (first, second) = (_mm256_set1_epi32(words[0]), _mm256_set1_epi32(words[1]));
                for (rows, short) in chunk.as_chunks::<32>().0.iter().zip(&mut short) {
                    let x: __m256i = load(rows);
                    let a = _mm256_and_si256(x, half);
                    let b = _mm256_and_si256(_mm256_srli_epi16::<4>(x), half);
                    let both = _mm256_add_epi16(
                        _mm256_maddubs_epi16(a, first),
                        _mm256_maddubs_epi16(b, second),
                    );
                    *short = _mm256_add_epi16(*short, both);
                }
            }
            for (sum, short) in sums.iter_mut().zip(short) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(short, ones));
            }
        }
        finish_upper(scan, t, header, &store(sums[0], sums[1]), query, survivors);
    }
}
