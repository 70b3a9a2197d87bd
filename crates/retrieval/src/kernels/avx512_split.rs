//! AVX-512 VNNI over tiles in two parts: for eight columns of 16 rows one load, two masks and two `vpdpbusd` of
//! the upper part, twice that and four of both.
#![allow(unsafe_code, reason = "vector loads through pointers")]

use std::arch::x86_64::{
    __m512, __m512i, _CMP_GE_OQ, _mm512_add_epi32, _mm512_add_ps, _mm512_and_si512,
    _mm512_castsi512_ps, _mm512_cmp_ps_mask, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32,
    _mm512_fmadd_ps, _mm512_mul_ps, _mm512_reduce_max_ps, _mm512_set1_epi8, _mm512_set1_epi32,
    _mm512_set1_ps, _mm512_setzero_si512, _mm512_slli_epi16, _mm512_slli_epi32, _mm512_srli_epi16,
    _mm512_ternarylogic_epi32,
};
use std::ops::Range;

use super::avx512::{PREFETCH, Scores, load, load_ps};
use super::prefetch::{prefetch_far, prefetch_line};
use super::split::{SplitScan, Survivors, join_with_any};
use super::{Sink, TILE_HEADER};
use crate::certificate::{Asked, UPPER};
use crate::error::Damage;

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn join_tile(upper: &[u8], lower: &[u8], tile: &mut [u8]) {
    join_with_any(upper, lower, tile);
}

/// Bytes ahead of the upper parts being read that are asked for: into the first cache, and before into the
/// second, which takes more requests at a time.
const NEAR: usize = 4096;
const FAR: usize = 32 << 10;

/// The header of an upper part, 16 rows each.
struct Header {
    scales: __m512,
    /// Error bounds of the upper halves of the codes alone.
    upper_errors: __m512,
    errors: __m512,
    norms: __m512,
}

/// The header of an upper part, and its codes.
#[inline]
#[target_feature(enable = "avx512f")]
fn header_of(tile: &[u8]) -> Option<(Header, &[[u8; 64]])> {
    let (header, codes) = tile.split_first_chunk::<TILE_HEADER>()?;
    let (scales, bounds) = (load(header.first_chunk()?), load(header.last_chunk()?));
    let upper = _mm512_set1_epi32(UPPER.cast_signed());
    let header = Header {
        scales: _mm512_castsi512_ps(_mm512_and_si512(scales, upper)),
        upper_errors: _mm512_castsi512_ps(_mm512_slli_epi32::<16>(scales)),
        errors: _mm512_castsi512_ps(_mm512_and_si512(bounds, upper)),
        norms: _mm512_castsi512_ps(_mm512_slli_epi32::<16>(bounds)),
    };
    Some((header, codes.as_chunks().0))
}

/// Both planes of one query with some tiles, of which `lower` gives the lower parts.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn scan_whole<'a, S: Sink>(
    scan: &SplitScan<'a>,
    tiles: Range<usize>,
    query: Asked<'_>,
    lower: impl Fn(usize) -> Result<&'a [u8], Damage>,
    sink: &mut S,
) -> Result<(), Damage> {
    let scores = Scores::of(query);
    let ahead = if tiles.len() > 1 { PREFETCH / 2 } else { 0 };
    let half = _mm512_set1_epi8(0x0f);
    let zero = _mm512_setzero_si512();
    for (t, tile) in scan.tiles(tiles) {
        let lower = lower(t)?.as_chunks::<64>().0;
        let Some((header, upper)) = header_of(tile) else {
            break;
        };
        let (mut a0, mut a1, mut b0, mut b1) = (zero, zero, zero, zero);
        for ((upper, lower), words) in upper.iter().zip(lower).zip(&query.code.words) {
            prefetch_line(upper, ahead);
            prefetch_line(lower, ahead);
            let (u, l) = (load(upper), load(lower));
            // 0xca: where a bit of the first is set the second, else the third.
            let low = _mm512_ternarylogic_epi32::<0xca>(half, l, _mm512_slli_epi16::<4>(u));
            let high = _mm512_ternarylogic_epi32::<0xca>(half, _mm512_srli_epi16::<4>(l), u);
            a0 = _mm512_dpbusd_epi32(a0, low, _mm512_set1_epi32(words[0]));
            a1 = _mm512_dpbusd_epi32(a1, high, _mm512_set1_epi32(words[1]));
            b0 = _mm512_dpbusd_epi32(b0, low, _mm512_set1_epi32(words[2]));
            b1 = _mm512_dpbusd_epi32(b1, high, _mm512_set1_epi32(words[3]));
        }
        let dots = [_mm512_add_epi32(a0, a1), _mm512_add_epi32(b0, b1)];
        let rows = [header.scales, header.errors, header.norms];
        scores.take(dots, rows, (scan.first_row, scan.offsets), t, sink);
    }
    Ok(())
}

/// Adds the products of a chunk's upper halves with four columns of a query each; 16 times those of the second.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn multiply(chunk: &[u8; 64], words: &[i32; 4], sums: &mut [__m512i; 2]) {
    prefetch_line(chunk, NEAR);
    prefetch_far(chunk, FAR);
    let x = load(chunk);
    let low = _mm512_and_si512(x, _mm512_set1_epi8(0x0f));
    let high = _mm512_and_si512(x, _mm512_set1_epi8(0xf0_u8.cast_signed()));
    sums[0] = _mm512_dpbusd_epi32(sums[0], low, _mm512_set1_epi32(words[0]));
    sums[1] = _mm512_dpbusd_epi32(sums[1], high, _mm512_set1_epi32(words[1]));
}

/// The first plane of one query: the error of the upper halves is far above that of the query's code.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn scan_upper<S: Survivors>(
    scan: &SplitScan<'_>,
    tiles: Range<usize>,
    query: Asked<'_>,
    survivors: &mut S,
) {
    let code = query.code;
    let scale = _mm512_set1_ps(code.scale[0]);
    let half = _mm512_set1_ps(0.5);
    let bias = _mm512_set1_epi32(code.upper_bias);
    let constant = _mm512_set1_ps(query.constant);
    let error_factor = _mm512_set1_ps(code.first_error_factor);
    let norm_factor = _mm512_set1_ps(code.first_norm_factor);
    let slack = _mm512_set1_ps(query.slack);
    let zero = _mm512_setzero_si512();
    for (t, tile) in scan.tiles(tiles) {
        let Some((header, codes)) = header_of(tile) else {
            return;
        };
        // Products with the first four columns, and 16 times those with the others; of even and odd chunks.
        let mut sums = [[zero; 2]; 2];
        let (fours, last) = codes.as_chunks::<4>();
        let (word_fours, last_words) = code.words.as_chunks::<4>();
        for (four, words) in fours.iter().zip(word_fours) {
            for (i, (chunk, words)) in four.iter().zip(words).enumerate() {
                multiply(chunk, words, &mut sums[i % 2]);
            }
        }
        for (chunk, words) in last.iter().zip(last_words) {
            multiply(chunk, words, &mut sums[0]);
        }
        let first = _mm512_slli_epi32::<5>(_mm512_add_epi32(sums[0][0], sums[1][0]));
        let second = _mm512_slli_epi32::<1>(_mm512_add_epi32(sums[0][1], sums[1][1]));
        let twice = _mm512_add_epi32(_mm512_add_epi32(first, second), bias);
        let dots = _mm512_mul_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(twice), half), scale);
        let mut s = _mm512_fmadd_ps(dots, header.scales, constant);
        let mut e = _mm512_fmadd_ps(
            header.upper_errors,
            error_factor,
            _mm512_fmadd_ps(header.norms, norm_factor, slack),
        );
        if let Some((score, more)) = scan.offsets.and_then(|offsets| offsets.of_tile(t)) {
            s = _mm512_add_ps(s, load_ps(&score));
            e = _mm512_add_ps(e, load_ps(&more));
        }
        let bounds = _mm512_add_ps(s, e);
        let floor = _mm512_set1_ps(survivors.floor());
        if _mm512_cmp_ps_mask::<_CMP_GE_OQ>(bounds, floor) != 0 {
            survivors.take(t, _mm512_reduce_max_ps(bounds));
        }
    }
}
