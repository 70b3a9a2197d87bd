//! Plain Rust, for every machine; defines what the others must equal.

use std::ops::Range;

use super::split::{SplitScan, Survivors};
use super::{Scan, Sink, TILE_HEADER, TILE_ROWS};
use crate::certificate::{Asked, QueryCode, UPPER, unpack_bounds};

/// f64 products in 16 running sums (column j into sum j mod 16), added as a balanced tree.
///
/// A product of two f32 is exact in f64, so a fused multiply-add gives the same sums, and any machine
/// that keeps this order gives the same score.
pub(super) fn dot64(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0f64; 16];
    let (a16, a_rest) = a.as_chunks::<16>();
    let (b16, b_rest) = b.as_chunks::<16>();
    for (x, y) in a16.iter().zip(b16) {
        for ((s, &p), &q) in sums.iter_mut().zip(x).zip(y) {
            *s += f64::from(p) * f64::from(q);
        }
    }
    add_rest(&mut sums, a_rest, b_rest);
    tree_sum(sums)
}

/// Adds the products of the last columns, fewer than 16.
pub(super) fn add_rest(sums: &mut [f64; 16], a: &[f32], b: &[f32]) {
    for ((s, &p), &q) in sums.iter_mut().zip(a).zip(b) {
        *s += f64::from(p) * f64::from(q);
    }
}

/// Adds sum i + 8 to sum i, then i + 4, i + 2, i + 1.
pub(super) fn tree_sum(mut sums: [f64; 16]) -> f64 {
    let mut width = 8;
    while width > 0 {
        let (low, high) = sums.split_at_mut(width);
        for (l, h) in low.iter_mut().zip(high) {
            *l += *h;
        }
        width /= 2;
    }
    sums[0]
}

pub(super) fn scan_one<S: Sink>(scan: &Scan<'_>, query: Asked<'_>, sink: &mut S) {
    for (t, tile) in scan.tiles.chunks_exact(scan.tile_bytes()).enumerate() {
        let (header, codes) = tile.split_at(TILE_HEADER);
        let dots = integer_dots(codes, query.code);
        finish_tile(scan, t, header, &dots, query, sink);
    }
}

/// The signed integer products of the 16 rows with both planes.
fn integer_dots(codes: &[u8], query: &QueryCode) -> [[i32; TILE_ROWS]; 2] {
    let mut dots = [[query.bias[0]; TILE_ROWS], [query.bias[1]; TILE_ROWS]];
    for (chunk, words) in codes.as_chunks::<128>().0.iter().zip(&query.words) {
        for (half, bytes) in chunk.as_chunks::<64>().0.iter().enumerate() {
            for plane in 0..2 {
                let w = words[2 * plane + half]
                    .to_le_bytes()
                    .map(|b| i32::from(b as i8));
                for (sum, x) in dots[plane].iter_mut().zip(bytes.as_chunks::<4>().0) {
                    *sum += i32::from(x[0]) * w[0]
                        + i32::from(x[1]) * w[1]
                        + i32::from(x[2]) * w[2]
                        + i32::from(x[3]) * w[3];
                }
            }
        }
    }
    dots
}

/// From integers to scores and slacks, and on to the sink.
pub(super) fn finish_tile<S: Sink>(
    scan: &Scan<'_>,
    t: usize,
    header: &[u8],
    dots: &[[i32; TILE_ROWS]; 2],
    query: Asked<'_>,
    sink: &mut S,
) {
    let code = query.code;
    let offsets = scan.offsets.and_then(|offsets| offsets.of_tile(t));
    let (mut score, mut slack) = ([0f32; TILE_ROWS], [0f32; TILE_ROWS]);
    let (scales, bounds) = header.split_at(TILE_HEADER / 2);
    let floor = sink.floor();
    let mut lanes = 0;
    let words = scales
        .as_chunks::<4>()
        .0
        .iter()
        .zip(bounds.as_chunks::<4>().0);
    for (lane, (scale, bound)) in words.enumerate() {
        let scale = f32::from_le_bytes(*scale);
        let (error, norm) = unpack_bounds(u32::from_le_bytes(*bound));
        let both = dots[0][lane] as f32 * code.scale[0] + dots[1][lane] as f32 * code.scale[1];
        let mut s = both * scale + query.constant;
        let mut e = error * code.error_factor + (norm * code.norm_factor + query.slack);
        if let Some((terms, slacks)) = &offsets {
            s += terms[lane];
            e += slacks[lane];
        }
        score[lane] = s;
        slack[lane] = e;
        lanes |= u32::from(s + e >= floor) << lane;
    }
    if lanes != 0 {
        sink.take(scan.first_row + t * TILE_ROWS, lanes, &score, &slack);
    }
}

pub(super) fn scan_upper<S: Survivors>(
    scan: &SplitScan<'_>,
    tiles: Range<usize>,
    query: Asked<'_>,
    survivors: &mut S,
) {
    for (t, tile) in scan.tiles(tiles) {
        let (header, codes) = tile.split_at(TILE_HEADER);
        let mut dots = [0i32; TILE_ROWS];
        for (chunk, words) in codes.as_chunks::<64>().0.iter().zip(&query.code.words) {
            let [low, high] =
                [words[0], words[1]].map(|w| w.to_le_bytes().map(|b| i32::from(b as i8)));
            for (sum, x) in dots.iter_mut().zip(chunk.as_chunks::<4>().0) {
                for ((&x, a), b) in x.iter().zip(low).zip(high) {
                    *sum += i32::from(x & 0x0f) * a + i32::from(x >> 4) * b;
                }
            }
        }
        finish_upper(scan, t, header, &dots, query, survivors);
    }
}

/// From products with the upper halves of the codes, 0 to 15, to bounds; a tile with a row whose bound reaches
/// the floor survives.
pub(super) fn finish_upper<S: Survivors>(
    scan: &SplitScan<'_>,
    t: usize,
    header: &[u8],
    dots: &[i32; TILE_ROWS],
    query: Asked<'_>,
    survivors: &mut S,
) {
    let code = query.code;
    let offsets = scan.offsets.and_then(|offsets| offsets.of_tile(t));
    let floor = survivors.floor();
    let (scales, bounds) = header.split_at(TILE_HEADER / 2);
    let words = (scales.as_chunks::<4>().0.iter()).zip(bounds.as_chunks::<4>().0);
    let mut highest = f32::NEG_INFINITY;
    for (lane, (&dot, (scale, bound))) in dots.iter().zip(words).enumerate() {
        let scale = u32::from_le_bytes(*scale);
        let (error, scale) = (f32::from_bits(scale << 16), f32::from_bits(scale & UPPER));
        let (_, norm) = unpack_bounds(u32::from_le_bytes(*bound));
        let twice = 32 * dot + code.upper_bias;
        let mut s = twice as f32 * 0.5 * code.scale[0] * scale + query.constant;
        let mut e = error * code.first_error_factor + (norm * code.first_norm_factor + query.slack);
        if let Some((terms, slacks)) = &offsets {
            s += terms[lane];
            e += slacks[lane];
        }
        highest = highest.max(s + e);
    }
    if highest >= floor {
        survivors.take(t, highest);
    }
}
