//! NEON: widening multiplies of signed bytes, added pairwise.
#![allow(unsafe_code, reason = "vector loads and stores through pointers")]

use std::arch::aarch64::{
    int32x4_t, vdup_n_s32, vdupq_n_s32, vdupq_n_u8, veorq_u8, vget_low_s8, vld1q_u8, vmull_high_s8,
    vmull_s8, vpadalq_s16, vpaddq_s32, vreinterpret_s8_s32, vreinterpretq_s8_s32,
    vreinterpretq_s8_u8, vst1q_s32,
};

use super::portable::finish_tile;
use super::{Scan, Sink, TILE_HEADER, TILE_ROWS};
use crate::certificate::Asked;

/// Whether the machine has what the functions of this file enable.
pub(super) fn is_available() -> bool {
    std::arch::is_aarch64_feature_detected!("neon")
}

#[target_feature(enable = "neon")]
pub(super) fn scan_one<S: Sink>(scan: &Scan<'_>, query: Asked<'_>, sink: &mut S) {
    let sign = vdupq_n_u8(0x80);
    for (t, tile) in scan.tiles.chunks_exact(scan.tile_bytes()).enumerate() {
        let (header, codes) = tile.split_at(TILE_HEADER);
        let mut dots = [[0i32; TILE_ROWS]; 2];
        for (plane, dots) in dots.iter_mut().enumerate() {
            // Two sums of half a row each, rows 0-1 and rows 2-3 of every four.
            let mut sums: [[int32x4_t; 2]; 4] = [[vdupq_n_s32(0); 2]; 4];
            for (chunk, words) in codes.as_chunks::<128>().0.iter().zip(&query.code.words) {
                for (part, bytes) in chunk.as_chunks::<16>().0.iter().enumerate() {
                    let (half, four) = (part / 4, part % 4);
                    let word = words[2 * plane + half];
                    // SAFETY: the array holds the 16 bytes read.
                    let x = unsafe { vld1q_u8(bytes.as_ptr()) };
                    // Flipping the top bit takes 128 off.
                    let x = vreinterpretq_s8_u8(veorq_u8(x, sign));
                    let low = vmull_s8(vget_low_s8(x), vreinterpret_s8_s32(vdup_n_s32(word)));
                    let high = vmull_high_s8(x, vreinterpretq_s8_s32(vdupq_n_s32(word)));
                    sums[four][0] = vpadalq_s16(sums[four][0], low);
                    sums[four][1] = vpadalq_s16(sums[four][1], high);
                }
            }
            for (four, sum) in sums.iter().enumerate() {
                let rows = vpaddq_s32(sum[0], sum[1]);
                // SAFETY: the array takes four integers from 4 x four, and four is at most 3.
                unsafe { vst1q_s32(dots.as_mut_ptr().add(4 * four), rows) };
            }
        }
        finish_tile(scan, t, header, &dots, query, sink);
    }
}
