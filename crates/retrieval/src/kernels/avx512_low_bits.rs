//! AVX-512 over 4-bit codes (VNNI) and 1-bit codes (population count of 64-bit lanes).
#![allow(unsafe_code, reason = "vector loads and stores through pointers")]

use std::arch::x86_64::{
    __m256, __m512i, _CMP_GE_OQ, _mm256_castsi256_ps, _mm256_fmadd_ps, _mm256_loadu_si256,
    _mm256_mul_ps, _mm256_set1_ps, _mm256_storeu_ps, _mm256_sub_ps, _mm512_add_epi32,
    _mm512_add_epi64, _mm512_add_ps, _mm512_and_si512, _mm512_castsi512_ps, _mm512_cmp_ps_mask,
    _mm512_cvtepi32_ps, _mm512_cvtepi64_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_loadu_ps,
    _mm512_loadu_si512, _mm512_mul_ps, _mm512_popcnt_epi64, _mm512_set1_epi8, _mm512_set1_epi32,
    _mm512_set1_epi64, _mm512_set1_ps, _mm512_setzero_si512, _mm512_slli_epi64, _mm512_srli_epi16,
    _mm512_storeu_ps,
};

use super::avx512::interleave;
use super::low_bits::LowScan;
use super::{GROUP, Sink, TILE_ROWS};
use crate::certificate::Asked;
use crate::codes::BitQuery;

/// Whether the machine has what [`scan_four_bit`] and [`scan_four_bit_group`] enable.
pub(super) fn has_four_bit() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni")
}

/// Whether the machine has what [`scan_one_bit`] enables.
pub(super) fn has_one_bit() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vpopcntdq")
        && is_x86_feature_detected!("fma")
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: the array holds the 64 bytes read; the load needs no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_eight(bytes: &[u8; 32]) -> __m256 {
    // SAFETY: the array holds the 32 bytes read; the load needs no alignment.
    _mm256_castsi256_ps(unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) })
}

/// One query.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn scan_four_bit<S: Sink>(scan: &LowScan<'_>, query: Asked<'_>, sink: &mut S) {
    let low_half = _mm512_set1_epi8(15);
    for (t, tile) in scan.tiles.chunks_exact(scan.tile_bytes).enumerate() {
        let Some((scales, codes)) = tile.split_first_chunk::<64>() else {
            return;
        };
        let (mut a, mut b) = (_mm512_setzero_si512(), _mm512_setzero_si512());
        for (chunk, words) in codes.as_chunks::<64>().0.iter().zip(&query.code.words) {
            let v = load(chunk);
            let low = _mm512_and_si512(v, low_half);
            let high = _mm512_and_si512(_mm512_srli_epi16::<4>(v), low_half);
            a = _mm512_dpbusd_epi32(a, low, _mm512_set1_epi32(words[0]));
            b = _mm512_dpbusd_epi32(b, high, _mm512_set1_epi32(words[1]));
        }
        let row = scan.first_row + t * TILE_ROWS;
        offer_four_bit(_mm512_add_epi32(a, b), scales, row, query, sink);
    }
}

/// Up to [`GROUP`] queries, two tiles at a time.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn scan_four_bit_group<S: Sink>(
    scan: &LowScan<'_>,
    queries: &[Asked<'_>],
    sinks: &mut [S],
) {
    match (queries, &mut *sinks) {
        ([query], [sink, ..]) => scan_four_bit(scan, *query, sink),
        _ if queries.len() <= 4 => four_bit_group::<4, S>(scan, queries, sinks),
        _ => four_bit_group::<GROUP, S>(scan, queries, sinks),
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn four_bit_group<const G: usize, S: Sink>(
    scan: &LowScan<'_>,
    queries: &[Asked<'_>],
    sinks: &mut [S],
) {
    // A chunk of 64 bytes holds 8 columns.
    let words = interleave::<G>(queries, (scan.tile_bytes - 64) / 64 * 8);
    let pairs = scan.tiles.chunks_exact(2 * scan.tile_bytes);
    let last = pairs.remainder();
    let mut row = scan.first_row;
    for pair in pairs {
        let (low, high) = pair.split_at(scan.tile_bytes);
        four_bit_tiles([low, high], row, &words, queries, sinks);
        row += 2 * TILE_ROWS;
    }
    if last.len() == scan.tile_bytes {
        four_bit_tiles([last], row, &words, queries, sinks);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn four_bit_tiles<const T: usize, const G: usize, S: Sink>(
    tiles: [&[u8]; T],
    row: usize,
    words: &[[i32; G]],
    queries: &[Asked<'_>],
    sinks: &mut [S],
) {
    let low_half = _mm512_set1_epi8(15);
    let words = words.as_chunks::<2>().0;
    let mut sums = [[_mm512_setzero_si512(); G]; T];
    let mut codes: [&[[u8; 64]]; T] = [&[]; T];
    for (codes, tile) in codes.iter_mut().zip(tiles) {
        // Scans hand over whole tiles.
        let chunks = tile.get(64..).unwrap_or(&[]).as_chunks().0;
        let Some(chunks) = chunks.get(..words.len()) else {
            return;
        };
        *codes = chunks;
    }
    for (c, [low_words, high_words]) in words.iter().enumerate() {
        let mut low = [_mm512_setzero_si512(); T];
        let mut high = [_mm512_setzero_si512(); T];
        for t in 0..T {
            let v = load(&codes[t][c]);
            low[t] = _mm512_and_si512(v, low_half);
            high[t] = _mm512_and_si512(_mm512_srli_epi16::<4>(v), low_half);
        }
        for j in 0..G {
            let (wl, wh) = (
                _mm512_set1_epi32(low_words[j]),
                _mm512_set1_epi32(high_words[j]),
            );
            for t in 0..T {
                sums[t][j] = _mm512_dpbusd_epi32(sums[t][j], low[t], wl);
                sums[t][j] = _mm512_dpbusd_epi32(sums[t][j], high[t], wh);
            }
        }
    }
    for (t, tile) in tiles.into_iter().enumerate() {
        let Some((scales, _)) = tile.split_first_chunk::<64>() else {
            return;
        };
        for ((query, sink), sum) in queries.iter().zip(sinks.iter_mut()).zip(sums[t]) {
            offer_four_bit(sum, scales, row + t * TILE_ROWS, *query, sink);
        }
    }
}

/// From integers to scores, and those above the floor to the sink.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn offer_four_bit<S: Sink>(
    sum: __m512i,
    scales: &[u8; 64],
    row: usize,
    query: Asked<'_>,
    sink: &mut S,
) {
    // Grid value = level - 7.5, and `bias` holds -128 times the sum of codes.
    let centre = _mm512_set1_ps(query.code.bias[0] as f32 * (7.5 / 128.0));
    let scales = _mm512_castsi512_ps(load(scales));
    let dots = _mm512_add_ps(_mm512_cvtepi32_ps(sum), centre);
    let scaled = _mm512_mul_ps(scales, _mm512_set1_ps(query.code.scale[0]));
    let s = _mm512_fmadd_ps(dots, scaled, _mm512_set1_ps(query.constant));
    let lanes = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(s, _mm512_set1_ps(sink.floor()));
    if lanes != 0 {
        let mut score = [0f32; TILE_ROWS];
        // SAFETY: the array takes the 64 bytes written.
        unsafe { _mm512_storeu_ps(score.as_mut_ptr(), s) };
        sink.take(row, u32::from(lanes), &score, &[0.0; TILE_ROWS]);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512vpopcntdq,fma")]
pub(super) fn scan_one_bit<S: Sink>(
    scan: &LowScan<'_>,
    query: &BitQuery,
    constant: f32,
    sink: &mut S,
) {
    for (t, tile) in scan.tiles.chunks_exact(scan.tile_bytes).enumerate() {
        let Some((scales, codes)) = tile.split_first_chunk::<64>() else {
            return;
        };
        let mut sums = [[_mm512_setzero_si512(); 2]; 2];
        for (chunk, planes) in codes.as_chunks::<128>().0.iter().zip(&query.planes) {
            for (half, words) in chunk.as_chunks::<64>().0.iter().enumerate() {
                let v = load(words);
                let [weighted, set] = &mut sums[half];
                let mut ones = [_mm512_setzero_si512(); 4];
                for (count, &plane) in ones.iter_mut().zip(planes) {
                    let both = _mm512_and_si512(v, _mm512_set1_epi64(plane.cast_signed()));
                    *count = _mm512_popcnt_epi64(both);
                }
                let low = _mm512_add_epi64(ones[0], _mm512_slli_epi64::<1>(ones[1]));
                let high = _mm512_add_epi64(ones[2], _mm512_slli_epi64::<1>(ones[3]));
                let all = _mm512_add_epi64(low, _mm512_slli_epi64::<2>(high));
                *weighted = _mm512_add_epi64(*weighted, all);
                *set = _mm512_add_epi64(*set, _mm512_popcnt_epi64(v));
            }
        }
        let mut score = [0f32; TILE_ROWS];
        let halves = score.as_chunks_mut::<8>().0.iter_mut();
        for ((out, scale), [weighted, set]) in halves.zip(scales.as_chunks::<32>().0).zip(sums) {
            let s = eight_scores(weighted, set, load_eight(scale), query, constant);
            // SAFETY: the array takes the 32 bytes written.
            unsafe { _mm256_storeu_ps(out.as_mut_ptr(), s) };
        }
        // SAFETY: the array holds the 64 bytes read.
        let s = unsafe { _mm512_loadu_ps(score.as_ptr()) };
        let lanes = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(s, _mm512_set1_ps(sink.floor()));
        if lanes != 0 {
            let row = scan.first_row + t * TILE_ROWS;
            sink.take(row, u32::from(lanes), &score, &[0.0; TILE_ROWS]);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,fma")]
fn eight_scores(
    weighted: __m512i,
    set: __m512i,
    scale: __m256,
    query: &BitQuery,
    constant: f32,
) -> __m256 {
    let low = _mm256_mul_ps(_mm512_cvtepi64_ps(set), _mm256_set1_ps(2.0 * query.low));
    let step = _mm256_set1_ps(2.0 * query.step);
    let both = _mm256_fmadd_ps(_mm512_cvtepi64_ps(weighted), step, low);
    let signed = _mm256_sub_ps(both, _mm256_set1_ps(query.sum));
    _mm256_fmadd_ps(signed, scale, _mm256_set1_ps(constant))
}
