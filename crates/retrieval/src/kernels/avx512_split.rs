//! AVX-512 VNNI over the upper parts of tiles: one load, two masks and two `vpdpbusd` for eight columns of 16
//! rows.
#![allow(unsafe_code, reason = "vector loads through pointers")]

use std::arch::x86_64::{
    _CMP_GE_OQ, _mm512_add_epi32, _mm512_add_ps, _mm512_and_si512, _mm512_castsi512_ps,
    _mm512_cmp_ps_mask, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_mul_ps,
    _mm512_set1_epi8, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_si512, _mm512_slli_epi32,
};

use super::TILE_HEADER;
use super::avx512::{PREFETCH, load, load_ps};
use super::split::{SplitScan, Survivors, join_with_any};
use crate::certificate::{Asked, UPPER};

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn join_tile(upper: &[u8], lower: &[u8], tile: &mut [u8]) {
    join_with_any(upper, lower, tile);
}

/// The first plane of one query: the error of the upper halves is far above that of the query's code.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn scan_upper<S: Survivors>(scan: &SplitScan<'_>, query: Asked<'_>, survivors: &mut S) {
    let code = query.code;
    let scale = _mm512_set1_ps(code.scale[0]);
    let half = _mm512_set1_ps(0.5);
    let bias = _mm512_set1_epi32(code.upper_bias);
    let constant = _mm512_set1_ps(query.constant);
    let error_factor = _mm512_set1_ps(code.first_error_factor);
    let norm_factor = _mm512_set1_ps(code.first_norm_factor);
    let slack = _mm512_set1_ps(query.slack);
    let (low_half, high_half) = (_mm512_set1_epi8(0x0f), _mm512_set1_epi8(0xf0_u8 as i8));
    let upper = _mm512_set1_epi32(UPPER.cast_signed());
    let zero = _mm512_setzero_si512();
    for (t, tile) in scan.upper.chunks_exact(scan.tile_bytes()).enumerate() {
        let Some((header, codes)) = tile.split_first_chunk::<TILE_HEADER>() else {
            return;
        };
        let (Some(scales), Some(bounds)) = (header.first_chunk(), header.last_chunk()) else {
            return;
        };
        // Products with the first four columns, and 16 times those with the others.
        let mut sums = [[zero; 2]; 2];
        let (pairs, last) = codes.as_chunks::<128>();
        let (word_pairs, last_words) = code.words.as_chunks::<2>();
        for (pair, words) in pairs.iter().zip(word_pairs) {
            super::prefetch_bytes(pair, PREFETCH);
            let chunks = pair.as_chunks::<64>().0;
            for ((chunk, words), [first, second]) in chunks.iter().zip(words).zip(&mut sums) {
                let x = load(chunk);
                let (a, b) = (
                    _mm512_and_si512(x, low_half),
                    _mm512_and_si512(x, high_half),
                );
                *first = _mm512_dpbusd_epi32(*first, a, _mm512_set1_epi32(words[0]));
                *second = _mm512_dpbusd_epi32(*second, b, _mm512_set1_epi32(words[1]));
            }
        }
        if let (Some(chunk), [words]) = (last.first_chunk(), last_words) {
            let x = load(chunk);
            let (a, b) = (
                _mm512_and_si512(x, low_half),
                _mm512_and_si512(x, high_half),
            );
            sums[0][0] = _mm512_dpbusd_epi32(sums[0][0], a, _mm512_set1_epi32(words[0]));
            sums[0][1] = _mm512_dpbusd_epi32(sums[0][1], b, _mm512_set1_epi32(words[1]));
        }
        let first = _mm512_slli_epi32::<5>(_mm512_add_epi32(sums[0][0], sums[1][0]));
        let second = _mm512_slli_epi32::<1>(_mm512_add_epi32(sums[0][1], sums[1][1]));
        let twice = _mm512_add_epi32(_mm512_add_epi32(first, second), bias);
        let dots = _mm512_mul_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(twice), half), scale);
        let (scales, bounds) = (load(scales), load(bounds));
        let rows = _mm512_castsi512_ps(_mm512_and_si512(scales, upper));
        let errors = _mm512_castsi512_ps(_mm512_slli_epi32::<16>(scales));
        let norms = _mm512_castsi512_ps(_mm512_slli_epi32::<16>(bounds));
        let mut s = _mm512_fmadd_ps(dots, rows, constant);
        let mut e = _mm512_fmadd_ps(
            errors,
            error_factor,
            _mm512_fmadd_ps(norms, norm_factor, slack),
        );
        if let Some((score, more)) = scan.offsets.and_then(|offsets| offsets.of_tile(t)) {
            s = _mm512_add_ps(s, load_ps(&score));
            e = _mm512_add_ps(e, load_ps(&more));
        }
        let floor = _mm512_set1_ps(survivors.floor());
        if _mm512_cmp_ps_mask::<_CMP_GE_OQ>(_mm512_add_ps(s, e), floor) != 0 {
            survivors.take(t);
        }
    }
}
