//! Four bits a column: a uniform grid of 16 levels for a Gaussian.

use crate::kernels::TILE_ROWS;

/// Grid step in standard deviations: the least squared error of 16 uniform levels (Max 1960).
const STEP: f32 = 0.335;

/// 1.5 x 2^23: adding and taking it off rounds to the nearest integer.
const ROUND: f32 = 12_582_912.0;

/// 16 scales, then for every 8 columns 16 x 4 bytes: column j in the low, j + 4 in the high half.
pub(crate) fn four_bit_tile_bytes(dim: usize) -> usize {
    64 + TILE_ROWS * dim.next_multiple_of(8) / 2
}

/// Writes a rotated row into its lane.
///
/// The grid value o stands for x through the scale |x|^2 / (x·o), which makes the estimate of x·x
/// right and that of x·q unbiased over rotations (Gao and Long 2024, `RaBitQ`).
pub(crate) fn encode_four_bit(x: &[f32], tile: &mut [u8], lane: usize) {
    let squared: f32 = x.iter().map(|v| v * v).sum();
    let deviation = (squared / x.len().max(1) as f32).sqrt();
    let inverse = if deviation > f32::MIN_POSITIVE {
        1.0 / (STEP * deviation)
    } else {
        0.0
    };
    // Rounds in two additions; the clamp comes first, so that any value can be added.
    let level = |v: f32| (v * inverse + 7.5).clamp(0.0, 15.0) + ROUND - ROUND;
    let product: f32 = x.iter().map(|&v| v * (level(v) - 7.5)).sum();
    let scale = if product > 0.0 {
        squared / product
    } else {
        0.0
    };
    let (scales, body) = tile.split_at_mut(64.min(tile.len()));
    if let Some(place) = scales.as_chunks_mut::<4>().0.get_mut(lane) {
        *place = scale.to_le_bytes();
    }
    for (chunk, columns) in body.as_chunks_mut::<64>().0.iter_mut().zip(x.chunks(8)) {
        if let Some(bytes) = chunk.as_chunks_mut::<4>().0.get_mut(lane) {
            for (j, byte) in bytes.iter_mut().enumerate() {
                let at = |i: usize| columns.get(i).map_or(0, |&v| level(v) as u8);
                *byte = at(j) | at(j + 4) << 4;
            }
        }
    }
}
