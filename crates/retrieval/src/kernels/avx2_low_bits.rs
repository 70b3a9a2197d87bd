//! AVX2 over 4-bit codes, and the population count instruction over 1-bit codes.
#![allow(unsafe_code, reason = "vector loads and stores through pointers")]

use std::arch::x86_64::{
    _mm256_add_epi32, _mm256_and_si256, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32,
    _mm256_setzero_si256, _mm256_srli_epi16, _mm256_storeu_si256,
};

use super::low_bits::{LowScan, finish_four_bit, portable_one_bit};
use super::{Sink, TILE_ROWS};
use crate::certificate::Asked;
use crate::codes::BitQuery;

/// Whether the machine has what [`scan_four_bit`] enables.
pub(super) fn has_four_bit() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

/// Whether the machine has what [`scan_one_bit`] enables.
pub(super) fn has_one_bit() -> bool {
    is_x86_feature_detected!("popcnt")
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn scan_four_bit<S: Sink>(scan: &LowScan<'_>, query: Asked<'_>, sink: &mut S) {
    let (low_half, ones) = (_mm256_set1_epi8(15), _mm256_set1_epi16(1));
    for (t, tile) in scan.tiles.chunks_exact(scan.tile_bytes).enumerate() {
        let (scales, codes) = tile.split_at(64.min(tile.len()));
        let mut sums = [_mm256_setzero_si256(); 2];
        for (chunk, words) in codes.as_chunks::<64>().0.iter().zip(&query.code.words) {
            let (w0, w1) = (_mm256_set1_epi32(words[0]), _mm256_set1_epi32(words[1]));
            for (sum, bytes) in sums.iter_mut().zip(chunk.as_chunks::<32>().0) {
                // SAFETY: the array holds the 32 bytes read; the load needs no alignment.
                let v = unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) };
                let low = _mm256_and_si256(v, low_half);
                let high = _mm256_and_si256(_mm256_srli_epi16::<4>(v), low_half);
                let low = _mm256_madd_epi16(_mm256_maddubs_epi16(low, w0), ones);
                let high = _mm256_madd_epi16(_mm256_maddubs_epi16(high, w1), ones);
                *sum = _mm256_add_epi32(*sum, _mm256_add_epi32(low, high));
            }
        }
        let mut dots = [0i32; TILE_ROWS];
        // SAFETY: the array takes 8 integers from 0 and 8 from 8.
        unsafe {
            _mm256_storeu_si256(dots.as_mut_ptr().cast(), sums[0]);
            _mm256_storeu_si256(dots.as_mut_ptr().add(8).cast(), sums[1]);
        }
        finish_four_bit(scan, t, scales, &dots, query, sink);
    }
}

#[target_feature(enable = "popcnt")]
pub(super) fn scan_one_bit<S: Sink>(
    scan: &LowScan<'_>,
    query: &BitQuery,
    constant: f32,
    sink: &mut S,
) {
    portable_one_bit(scan, query, constant, sink);
}
