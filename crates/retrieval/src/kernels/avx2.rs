//! AVX2: `vpmaddubsw` and `vpmaddwd` with query codes of 7 bits, so that 16-bit sums cannot overflow.
#![allow(unsafe_code, reason = "vector loads and stores through pointers")]

use std::arch::x86_64::{
    __m256i, _mm_loadu_ps, _mm256_add_epi32, _mm256_cvtps_pd, _mm256_fmadd_pd, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi16, _mm256_set1_epi32,
    _mm256_setzero_pd, _mm256_storeu_pd, _mm256_storeu_si256,
};

use super::portable::{add_rest, finish_tile, tree_sum};
use super::prefetch::prefetch_bytes;
use super::{Scan, Sink, TILE_HEADER};
use crate::certificate::Asked;

/// Whether the machine has what the functions of this file enable.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: the array holds the 32 bytes read; the load needs no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(low: __m256i, high: __m256i) -> [i32; 16] {
    let mut out = [0i32; 16];
    // SAFETY: the array takes 8 integers from 0 and 8 from 8.
    unsafe {
        _mm256_storeu_si256(out.as_mut_ptr().cast(), low);
        _mm256_storeu_si256(out.as_mut_ptr().add(8).cast(), high);
    }
    out
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn scan_one<S: Sink>(scan: &Scan<'_>, query: Asked<'_>, sink: &mut S) {
    let ones = _mm256_set1_epi16(1);
    let ahead = scan.ahead(4096);
    for (t, tile) in scan.tiles.chunks_exact(scan.tile_bytes()).enumerate() {
        let (header, codes) = tile.split_at(TILE_HEADER);
        let mut sums = [
            [_mm256_set1_epi32(query.code.bias[0]); 2],
            [_mm256_set1_epi32(query.code.bias[1]); 2],
        ];
        for (chunk, words) in codes.as_chunks::<128>().0.iter().zip(&query.code.words) {
            prefetch_bytes(chunk, ahead);
            for (quarter, bytes) in chunk.as_chunks::<32>().0.iter().enumerate() {
                let x = load(bytes);
                let (half, rows) = (quarter / 2, quarter % 2);
                for plane in 0..2 {
                    let w = _mm256_set1_epi32(words[2 * plane + half]);
                    let pairs = _mm256_maddubs_epi16(x, w);
                    let fours = _mm256_madd_epi16(pairs, ones);
                    sums[plane][rows] = _mm256_add_epi32(sums[plane][rows], fours);
                }
            }
        }
        let dots = [store(sums[0][0], sums[0][1]), store(sums[1][0], sums[1][1])];
        finish_tile(scan, t, header, &dots, query, sink);
    }
}

/// The same sums as the portable form, four to a register.
#[target_feature(enable = "avx2,fma")]
pub(super) fn dot64(a: &[f32], b: &[f32]) -> f64 {
    let mut lanes = [_mm256_setzero_pd(); 4];
    let (a16, a_rest) = a.as_chunks::<16>();
    let (b16, b_rest) = b.as_chunks::<16>();
    for (x, y) in a16.iter().zip(b16) {
        for (i, lane) in lanes.iter_mut().enumerate() {
            // SAFETY: the arrays hold 16 floats; four are read from 4 i, and i is at most 3.
            let (p, q) = unsafe {
                (
                    _mm_loadu_ps(x.as_ptr().add(4 * i)),
                    _mm_loadu_ps(y.as_ptr().add(4 * i)),
                )
            };
            *lane = _mm256_fmadd_pd(_mm256_cvtps_pd(p), _mm256_cvtps_pd(q), *lane);
        }
    }
    let mut sums = [0f64; 16];
    for (i, lane) in lanes.into_iter().enumerate() {
        // SAFETY: the array takes four doubles from 4 i, and i is at most 3.
        unsafe { _mm256_storeu_pd(sums.as_mut_ptr().add(4 * i), lane) };
    }
    add_rest(&mut sums, a_rest, b_rest);
    tree_sum(sums)
}
