//! Scans over codes of 4 and 1 bit: plain Rust, and the choice of instructions.

use super::{Kernel, Sink, TILE_ROWS};
use crate::certificate::Asked;
use crate::codes::BitQuery;

#[cfg(target_arch = "x86_64")]
use super::{avx2_low_bits, avx512_low_bits};

/// Whole tiles of low-bit codes to scan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LowScan<'a> {
    pub(crate) tiles: &'a [u8],
    pub(crate) tile_bytes: usize,
    pub(crate) first_row: usize,
}

/// Estimated scores from 4-bit codes; the query is coded from the rotated vector.
pub(crate) fn scan_four_bit<S: Sink>(
    kernel: Kernel,
    scan: &LowScan<'_>,
    query: Asked<'_>,
    sink: &mut S,
) {
    match kernel {
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512Vnni if avx512_low_bits::has_four_bit() => {
            #[allow(unsafe_code, reason = "calls a function that needs AVX-512")]
            // SAFETY: the guard has checked the features that the function enables.
            unsafe {
                avx512_low_bits::scan_four_bit(scan, query, sink);
            }
        }
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2 if avx2_low_bits::has_four_bit() => {
            #[allow(unsafe_code, reason = "calls a function that needs AVX2")]
            // SAFETY: the guard has checked the features that the function enables.
            unsafe {
                avx2_low_bits::scan_four_bit(scan, query, sink);
            }
        }
        _ => portable_four_bit(scan, query, sink),
    }
}

/// As [`scan_four_bit`], for several queries; `sinks` are in their order.
pub(crate) fn scan_four_bit_group<S: Sink>(
    kernel: Kernel,
    scan: &LowScan<'_>,
    queries: &[Asked<'_>],
    sinks: &mut [S],
) {
    #[cfg(target_arch = "x86_64")]
    if kernel == Kernel::Avx512Vnni && avx512_low_bits::has_four_bit() {
        for (queries, sinks) in queries
            .chunks(super::GROUP)
            .zip(sinks.chunks_mut(super::GROUP))
        {
            #[allow(unsafe_code, reason = "calls a function that needs AVX-512")]
            // SAFETY: the condition has checked the features that the function enables.
            unsafe {
                avx512_low_bits::scan_four_bit_group(scan, queries, sinks);
            }
        }
        return;
    }
    for (query, sink) in queries.iter().zip(sinks) {
        scan_four_bit(kernel, scan, *query, sink);
    }
}

/// Estimated scores from 1-bit codes, plus a constant; the query is coded from the rotated vector.
pub(crate) fn scan_one_bit<S: Sink>(
    kernel: Kernel,
    scan: &LowScan<'_>,
    query: &BitQuery,
    constant: f32,
    sink: &mut S,
) {
    match kernel {
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512Vnni if avx512_low_bits::has_one_bit() => {
            #[allow(unsafe_code, reason = "calls a function that needs AVX-512")]
            // SAFETY: the guard has checked F, DQ, VL, VPOPCNTDQ and FMA, all that the function enables.
            unsafe {
                avx512_low_bits::scan_one_bit(scan, query, constant, sink);
            }
        }
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512Vnni | Kernel::Avx2 if avx2_low_bits::has_one_bit() => {
            #[allow(unsafe_code, reason = "calls a function that needs POPCNT")]
            // SAFETY: the guard has checked the features that the function enables.
            unsafe {
                avx2_low_bits::scan_one_bit(scan, query, constant, sink);
            }
        }
        _ => portable_one_bit(scan, query, constant, sink),
    }
}

fn portable_four_bit<S: Sink>(scan: &LowScan<'_>, query: Asked<'_>, sink: &mut S) {
    for (t, tile) in scan.tiles.chunks_exact(scan.tile_bytes).enumerate() {
        let (scales, codes) = tile.split_at(64.min(tile.len()));
        let mut dots = [0i32; TILE_ROWS];
        for (chunk, words) in codes.as_chunks::<64>().0.iter().zip(&query.code.words) {
            let low = words[0].to_le_bytes().map(|b| i32::from(b as i8));
            let high = words[1].to_le_bytes().map(|b| i32::from(b as i8));
            for (sum, bytes) in dots.iter_mut().zip(chunk.as_chunks::<4>().0) {
                for ((byte, l), h) in bytes.iter().zip(low).zip(high) {
                    *sum += i32::from(byte & 15) * l + i32::from(byte >> 4) * h;
                }
            }
        }
        finish_four_bit(scan, t, scales, &dots, query, sink);
    }
}

/// From integers to scores: grid value = level - 7.5, and `bias` holds -128 times the sum of codes.
pub(super) fn finish_four_bit<S: Sink>(
    scan: &LowScan<'_>,
    t: usize,
    scales: &[u8],
    dots: &[i32; TILE_ROWS],
    query: Asked<'_>,
    sink: &mut S,
) {
    let centre = query.code.bias[0] as f32 * (7.5 / 128.0);
    let mut score = [0f32; TILE_ROWS];
    for ((s, dot), scale) in score.iter_mut().zip(dots).zip(scales.as_chunks::<4>().0) {
        let scaled = f32::from_le_bytes(*scale) * query.code.scale[0];
        *s = (*dot as f32 + centre) * scaled + query.constant;
    }
    offer(scan, t, &score, sink);
}

/// Hands the lanes above the floor to the sink.
fn offer<S: Sink>(scan: &LowScan<'_>, t: usize, score: &[f32; TILE_ROWS], sink: &mut S) {
    let floor = sink.floor();
    let mut lanes = 0;
    for (lane, s) in score.iter().enumerate() {
        lanes |= u32::from(*s >= floor) << lane;
    }
    if lanes != 0 {
        let row = scan.first_row + t * TILE_ROWS;
        sink.take(row, lanes, score, &[0.0; TILE_ROWS]);
    }
}

/// Signs are ±1: the product is twice the sum over the set bits minus the sum over all.
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "compiled anew inside the caller, with its instructions"
)]
pub(super) fn portable_one_bit<S: Sink>(
    scan: &LowScan<'_>,
    query: &BitQuery,
    constant: f32,
    sink: &mut S,
) {
    for (t, tile) in scan.tiles.chunks_exact(scan.tile_bytes).enumerate() {
        let (scales, codes) = tile.split_at(64.min(tile.len()));
        let (mut weighted, mut set) = ([0u32; TILE_ROWS], [0u32; TILE_ROWS]);
        for (chunk, planes) in codes.as_chunks::<128>().0.iter().zip(&query.planes) {
            let rows = weighted.iter_mut().zip(&mut set);
            for ((sum, count), bytes) in rows.zip(chunk.as_chunks::<8>().0) {
                let word = u64::from_le_bytes(*bytes);
                *sum += (word & planes[0]).count_ones()
                    + 2 * (word & planes[1]).count_ones()
                    + 4 * (word & planes[2]).count_ones()
                    + 8 * (word & planes[3]).count_ones();
                *count += word.count_ones();
            }
        }
        let mut score = [0f32; TILE_ROWS];
        let rows = score.iter_mut().zip(weighted).zip(set);
        for (((s, sum), count), scale) in rows.zip(scales.as_chunks::<4>().0) {
            let signed = 2.0 * (query.step * sum as f32 + query.low * count as f32) - query.sum;
            *s = signed * f32::from_le_bytes(*scale) + constant;
        }
        offer(scan, t, &score, sink);
    }
}
