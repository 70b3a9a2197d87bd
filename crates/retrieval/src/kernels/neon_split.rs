//! NEON over the upper parts of tiles: widening multiplies of halves, added pairwise.
#![allow(unsafe_code, reason = "vector loads and stores through pointers")]

use std::arch::aarch64::{
    int32x4_t, vandq_u8, vdup_n_s32, vdupq_n_s32, vdupq_n_u8, vget_low_s8, vld1q_u8, vmull_high_s8,
    vmull_s8, vpadalq_s16, vpaddq_s32, vreinterpret_s8_s32, vreinterpretq_s8_s32,
    vreinterpretq_s8_u8, vshrq_n_u8, vst1q_s32,
};

use std::ops::Range;

use super::portable::finish_upper;
use super::split::{SplitScan, Survivors};
use super::{TILE_HEADER, TILE_ROWS};
use crate::certificate::Asked;

#[target_feature(enable = "neon")]
pub(super) fn scan_upper<S: Survivors>(
    scan: &SplitScan<'_>,
    tiles: Range<usize>,
    query: Asked<'_>,
    survivors: &mut S,
) {
    let half = vdupq_n_u8(0x0f);
    for (t, tile) in scan.tiles(tiles) {
        let (header, codes) = tile.split_at(TILE_HEADER);
        // Two sums of half a row each, rows 0-1 and rows 2-3 of every four.
        let mut sums: [[int32x4_t; 2]; 4] = [[vdupq_n_s32(0); 2]; 4];
        for (chunk, words) in codes.as_chunks::<64>().0.iter().zip(&query.code.words) {
            for (four, bytes) in chunk.as_chunks::<16>().0.iter().enumerate() {
                // SAFETY: the array holds the 16 bytes read.
                let x = unsafe { vld1q_u8(bytes.as_ptr()) };
                for (part, word) in [
                    (vandq_u8(x, half), words[0]),
                    (vshrq_n_u8::<4>(x), words[1]),
                ] {
                    let part = vreinterpretq_s8_u8(part);
                    let low = vmull_s8(vget_low_s8(part), vreinterpret_s8_s32(vdup_n_s32(word)));
                    let high = vmull_high_s8(part, vreinterpretq_s8_s32(vdupq_n_s32(word)));
                    sums[four][0] = vpadalq_s16(sums[four][0], low);
                    sums[four][1] = vpadalq_s16(sums[four][1], high);
                }
            }
        }
        let mut dots = [0i32; TILE_ROWS];
        for (four, sum) in sums.iter().enumerate() {
            let rows = vpaddq_s32(sum[0], sum[1]);
            // SAFETY: the array takes four integers from 4 x four, and four is at most 3.
            unsafe { vst1q_s32(dots.as_mut_ptr().add(4 * four), rows) };
        }
        finish_upper(scan, t, header, &dots, query, survivors);
    }
}
