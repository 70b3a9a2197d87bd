//! AVX-512 VNNI: one `vpdpbusd` multiplies four columns of 16 rows.
#![allow(unsafe_code, reason = "vector loads and stores through pointers")]

use std::arch::x86_64::{
    __m512, __m512i, _CMP_GE_OQ, _mm256_loadu_ps, _mm512_add_epi32, _mm512_add_pd, _mm512_add_ps,
    _mm512_and_si512, _mm512_castsi512_ps, _mm512_cmp_ps_mask, _mm512_cvtepi32_ps, _mm512_cvtps_pd,
    _mm512_dpbusd_epi32, _mm512_fmadd_pd, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512,
    _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_pd, _mm512_setzero_si512,
    _mm512_slli_epi32, _mm512_storeu_pd, _mm512_storeu_ps,
};

use super::portable::{add_rest, tree_sum};
use super::prefetch::prefetch_bytes;
use super::{GROUP, Offsets, Scan, Sink, TILE_HEADER, TILE_ROWS};
use crate::certificate::Asked;

/// Bytes ahead of the codes being read that are asked for.
pub(super) const PREFETCH: usize = 8192;

/// Whether the machine has what the functions of this file enable.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni")
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: the array holds the 64 bytes read; the load needs no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_ps(values: &[f32; 16]) -> __m512 {
    // SAFETY: the array holds the 64 bytes read; the load needs no alignment.
    unsafe { _mm512_loadu_ps(values.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_ps(v: __m512) -> [f32; 16] {
    let mut out = [0f32; 16];
    // SAFETY: the array takes the 64 bytes written.
    unsafe { _mm512_storeu_ps(out.as_mut_ptr(), v) };
    out
}

/// The scales, error bounds and norm bounds of a tile.
#[inline]
#[target_feature(enable = "avx512f")]
fn header_of(tile: &[u8]) -> Option<(__m512, __m512, __m512, &[u8])> {
    let (header, codes) = tile.split_first_chunk::<TILE_HEADER>()?;
    let (scales, bounds) = (header.first_chunk()?, header.last_chunk()?);
    let packed = load(bounds);
    let high = _mm512_set1_epi32(0xffff_0000_u32.cast_signed());
    Some((
        _mm512_castsi512_ps(load(scales)),
        _mm512_castsi512_ps(_mm512_and_si512(packed, high)),
        _mm512_castsi512_ps(_mm512_slli_epi32::<16>(packed)),
        codes,
    ))
}

/// What turns the products of one query's planes with codes into scores and slacks.
pub(super) struct Scores {
    bias: [__m512i; 2],
    scale: [__m512; 2],
    constant: __m512,
    error_factor: __m512,
    norm_factor: __m512,
    slack: __m512,
}

impl Scores {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn of(query: Asked<'_>) -> Self {
        let code = query.code;
        Self {
            bias: [
                _mm512_set1_epi32(code.bias[0]),
                _mm512_set1_epi32(code.bias[1]),
            ],
            scale: [_mm512_set1_ps(code.scale[0]), _mm512_set1_ps(code.scale[1])],
            constant: _mm512_set1_ps(query.constant),
            error_factor: _mm512_set1_ps(code.error_factor),
            norm_factor: _mm512_set1_ps(code.norm_factor),
            slack: _mm512_set1_ps(query.slack),
        }
    }

    /// Takes the rows of tile `t` that reach the floor to the sink.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn take<S: Sink>(
        &self,
        dots: [__m512i; 2],
        [scales, errors, norms]: [__m512; 3],
        (first_row, offsets): (usize, Option<Offsets<'_>>),
        t: usize,
        sink: &mut S,
    ) {
        let first = _mm512_cvtepi32_ps(_mm512_add_epi32(dots[0], self.bias[0]));
        let second = _mm512_cvtepi32_ps(_mm512_add_epi32(dots[1], self.bias[1]));
        let both = _mm512_fmadd_ps(first, self.scale[0], _mm512_mul_ps(second, self.scale[1]));
        let mut s = _mm512_fmadd_ps(both, scales, self.constant);
        let mut e = _mm512_fmadd_ps(
            errors,
            self.error_factor,
            _mm512_fmadd_ps(norms, self.norm_factor, self.slack),
        );
        if let Some((score, more)) = offsets.and_then(|offsets| offsets.of_tile(t)) {
            s = _mm512_add_ps(s, load_ps(&score));
            e = _mm512_add_ps(e, load_ps(&more));
        }
        let floor = _mm512_set1_ps(sink.floor());
        let lanes = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(_mm512_add_ps(s, e), floor);
        if lanes != 0 {
            let row = first_row + t * TILE_ROWS;
            sink.take(row, u32::from(lanes), &store_ps(s), &store_ps(e));
        }
    }
}

/// Both planes of one query: limited by memory, so the second plane costs nothing.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn scan_one<S: Sink>(scan: &Scan<'_>, query: Asked<'_>, sink: &mut S) {
    let scores = Scores::of(query);
    let zero = _mm512_setzero_si512();
    for (t, tile) in scan.tiles.chunks_exact(scan.tile_bytes()).enumerate() {
        let Some((scales, errors, norms, codes)) = header_of(tile) else {
            return;
        };
        let (mut a0, mut a1, mut b0, mut b1) = (zero, zero, zero, zero);
        for (chunk, words) in codes.as_chunks::<128>().0.iter().zip(&query.code.words) {
            prefetch_bytes(chunk, PREFETCH);
            if let [low, high] = chunk.as_chunks::<64>().0 {
                let (low, high) = (load(low), load(high));
                a0 = _mm512_dpbusd_epi32(a0, low, _mm512_set1_epi32(words[0]));
                a1 = _mm512_dpbusd_epi32(a1, high, _mm512_set1_epi32(words[1]));
                b0 = _mm512_dpbusd_epi32(b0, low, _mm512_set1_epi32(words[2]));
                b1 = _mm512_dpbusd_epi32(b1, high, _mm512_set1_epi32(words[3]));
            }
        }
        let dots = [_mm512_add_epi32(a0, a1), _mm512_add_epi32(b0, b1)];
        let rows = (scan.first_row, scan.offsets);
        scores.take(dots, [scales, errors, norms], rows, t, sink);
    }
}

/// Up to [`GROUP`] queries, first plane only, two tiles at a time: limited by arithmetic.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn scan_group<S: Sink>(scan: &Scan<'_>, queries: &[Asked<'_>], sinks: &mut [S]) {
    match (queries, &mut *sinks) {
        ([query], [sink, ..]) => scan_one(scan, *query, sink),
        _ if queries.len() <= 4 => group::<4, S>(scan, queries, sinks),
        _ => group::<GROUP, S>(scan, queries, sinks),
    }
}

/// The first planes of up to `G` queries, four columns after another: words of all queries together.
pub(super) fn interleave<const G: usize>(queries: &[Asked<'_>], padded: usize) -> Vec<[i32; G]> {
    let mut words = vec![[0i32; G]; padded / 4];
    for (j, query) in queries.iter().take(G).enumerate() {
        for (pair, chunk) in words
            .as_chunks_mut::<2>()
            .0
            .iter_mut()
            .zip(&query.code.words)
        {
            pair[0][j] = chunk[0];
            pair[1][j] = chunk[1];
        }
    }
    words
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn group<const G: usize, S: Sink>(scan: &Scan<'_>, queries: &[Asked<'_>], sinks: &mut [S]) {
    let words = interleave::<G>(queries, scan.padded);
    let tile_bytes = scan.tile_bytes();
    let pairs = scan.tiles.chunks_exact(2 * tile_bytes);
    let last = pairs.remainder();
    let mut row = scan.first_row;
    for pair in pairs {
        let (low, high) = pair.split_at(tile_bytes);
        tiles_by_queries([low, high], row, &words, queries, sinks);
        row += 2 * TILE_ROWS;
    }
    if last.len() == tile_bytes {
        tiles_by_queries([last], row, &words, queries, sinks);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn tiles_by_queries<const T: usize, const G: usize, S: Sink>(
    tiles: [&[u8]; T],
    row: usize,
    words: &[[i32; G]],
    queries: &[Asked<'_>],
    sinks: &mut [S],
) {
    let mut sums = [[_mm512_setzero_si512(); G]; T];
    let mut codes: [&[[u8; 64]]; T] = [&[]; T];
    for (codes, tile) in codes.iter_mut().zip(tiles) {
        // Scans hand over whole tiles.
        let chunks = tile.get(TILE_HEADER..).unwrap_or(&[]).as_chunks().0;
        let Some(chunks) = chunks.get(..words.len()) else {
            return;
        };
        *codes = chunks;
    }
    for (c, word) in words.iter().enumerate() {
        let mut x = [_mm512_setzero_si512(); T];
        for t in 0..T {
            x[t] = load(&codes[t][c]);
        }
        for j in 0..G {
            let w = _mm512_set1_epi32(word[j]);
            for t in 0..T {
                sums[t][j] = _mm512_dpbusd_epi32(sums[t][j], x[t], w);
            }
        }
    }
    for (t, tile) in tiles.into_iter().enumerate() {
        let Some((scales, errors, norms, _)) = header_of(tile) else {
            return;
        };
        for ((query, sink), sum) in queries.iter().zip(sinks.iter_mut()).zip(sums[t]) {
            let code = query.code;
            let dots = _mm512_add_epi32(sum, _mm512_set1_epi32(code.bias[0]));
            let scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(dots), scales);
            let s = _mm512_fmadd_ps(
                scaled,
                _mm512_set1_ps(code.scale[0]),
                _mm512_set1_ps(query.constant),
            );
            let e = _mm512_fmadd_ps(
                errors,
                _mm512_set1_ps(code.first_error_factor),
                _mm512_fmadd_ps(
                    norms,
                    _mm512_set1_ps(code.first_norm_factor),
                    _mm512_set1_ps(query.slack),
                ),
            );
            let floor = _mm512_set1_ps(sink.floor());
            let lanes = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(_mm512_add_ps(s, e), floor);
            if lanes != 0 {
                sink.take(
                    row + t * TILE_ROWS,
                    u32::from(lanes),
                    &store_ps(s),
                    &store_ps(e),
                );
            }
        }
    }
}

/// The same sums as the portable form: sums 0 to 7 in one register, 8 to 15 in the other.
#[target_feature(enable = "avx512f")]
pub(super) fn dot64(a: &[f32], b: &[f32]) -> f64 {
    let (mut low, mut high) = (_mm512_setzero_pd(), _mm512_setzero_pd());
    let (a16, a_rest) = a.as_chunks::<16>();
    let (b16, b_rest) = b.as_chunks::<16>();
    for (x, y) in a16.iter().zip(b16) {
        // SAFETY: each array holds 16 floats, of which 8 are read from 0 and 8 from 8.
        let (x0, x1, y0, y1) = unsafe {
            (
                _mm256_loadu_ps(x.as_ptr()),
                _mm256_loadu_ps(x.as_ptr().add(8)),
                _mm256_loadu_ps(y.as_ptr()),
                _mm256_loadu_ps(y.as_ptr().add(8)),
            )
        };
        low = _mm512_fmadd_pd(_mm512_cvtps_pd(x0), _mm512_cvtps_pd(y0), low);
        high = _mm512_fmadd_pd(_mm512_cvtps_pd(x1), _mm512_cvtps_pd(y1), high);
    }
    if a_rest.is_empty() {
        // The first step of the tree in registers.
        low = _mm512_add_pd(low, high);
        high = _mm512_setzero_pd();
    }
    let mut sums = [0f64; 16];
    // SAFETY: the array takes 8 doubles from 0 and 8 from 8.
    unsafe {
        _mm512_storeu_pd(sums.as_mut_ptr(), low);
        _mm512_storeu_pd(sums.as_mut_ptr().add(8), high);
    }
    add_rest(&mut sums, a_rest, b_rest);
    tree_sum(sums)
}
