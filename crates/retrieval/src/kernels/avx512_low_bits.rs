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

use super::low_bits::LowScan;
use super::{Sink, TILE_ROWS};
use crate::certificate::QueryCode;
use crate::codes::BitQuery;

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

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn scan_four_bit<S: Sink>(scan: &LowScan<'_>, query: &QueryCode, sink: &mut S) {
    let low_half = _mm512_set1_epi8(15);
    let centre = _mm512_set1_ps(query.bias[0] as f32 * (7.5 / 128.0));
    let query_scale = _mm512_set1_ps(query.scale[0]);
    let constant = _mm512_set1_ps(scan.constant);
    for (t, tile) in scan.tiles.chunks_exact(scan.tile_bytes).enumerate() {
        let Some((scales, codes)) = tile.split_first_chunk::<64>() else {
            return;
        };
        let (mut a, mut b) = (_mm512_setzero_si512(), _mm512_setzero_si512());
        for (chunk, words) in codes.as_chunks::<64>().0.iter().zip(&query.words) {
            let v = load(chunk);
            let low = _mm512_and_si512(v, low_half);
            let high = _mm512_and_si512(_mm512_srli_epi16::<4>(v), low_half);
            a = _mm512_dpbusd_epi32(a, low, _mm512_set1_epi32(words[0]));
            b = _mm512_dpbusd_epi32(b, high, _mm512_set1_epi32(words[1]));
        }
        let scales = _mm512_castsi512_ps(load(scales));
        let dots = _mm512_add_ps(_mm512_cvtepi32_ps(_mm512_add_epi32(a, b)), centre);
        let s = _mm512_fmadd_ps(dots, _mm512_mul_ps(scales, query_scale), constant);
        let lanes = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(s, _mm512_set1_ps(sink.floor()));
        if lanes != 0 {
            let mut score = [0f32; TILE_ROWS];
            // SAFETY: the array takes the 64 bytes written.
            unsafe { _mm512_storeu_ps(score.as_mut_ptr(), s) };
            let row = scan.first_row + t * TILE_ROWS;
            sink.take(row, u32::from(lanes), &score, &[0.0; TILE_ROWS]);
        }
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512vpopcntdq,fma")]
pub(super) fn scan_one_bit<S: Sink>(scan: &LowScan<'_>, query: &BitQuery, sink: &mut S) {
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
            let s = eight_scores(weighted, set, load_eight(scale), query, scan.constant);
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
