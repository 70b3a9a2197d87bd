//! One bit a column: the sign.

use crate::kernels::TILE_ROWS;

/// 16 scales, then for every 64 columns 16 words of sign bits.
pub(crate) fn one_bit_tile_bytes(dim: usize) -> usize {
    64 + TILE_ROWS * dim.next_multiple_of(64) / 8
}

/// Writes a rotated row into its lane; the signs o stand for x through |x|^2 / (x·o), as in `RaBitQ`
/// (Gao and Long 2024).
pub(crate) fn encode_one_bit(x: &[f32], tile: &mut [u8], lane: usize) {
    let (squared, sum) = x
        .iter()
        .fold((0f32, 0f32), |(s, a), v| (s + v * v, a + v.abs()));
    let scale = if sum > 0.0 { squared / sum } else { 0.0 };
    let (scales, body) = tile.split_at_mut(64.min(tile.len()));
    if let Some(place) = scales.as_chunks_mut::<4>().0.get_mut(lane) {
        *place = scale.to_le_bytes();
    }
    for (chunk, columns) in body.as_chunks_mut::<128>().0.iter_mut().zip(x.chunks(64)) {
        let mut word = 0u64;
        for (j, &v) in columns.iter().enumerate() {
            word |= u64::from(v > 0.0) << j;
        }
        if let Some(place) = chunk.as_chunks_mut::<8>().0.get_mut(lane) {
            *place = word.to_le_bytes();
        }
    }
}

/// A rotated query in 4 bit planes: column j is about `low + step x code_j`, codes 0 to 15.
#[derive(Debug, Clone)]
pub(crate) struct BitQuery {
    /// For every 64 columns: bit 0, 1, 2, 3 of their codes.
    pub(crate) planes: Vec<[u64; 4]>,
    pub(crate) low: f32,
    pub(crate) step: f32,
    /// Sum of all coded columns.
    pub(crate) sum: f32,
}

impl BitQuery {
    pub(crate) fn new(query: &[f32]) -> Self {
        let low = query.iter().copied().fold(f32::MAX, f32::min);
        let high = query.iter().copied().fold(f32::MIN, f32::max);
        let step = ((high - low) / 15.0).max(f32::MIN_POSITIVE);
        let mut planes = vec![[0u64; 4]; query.len().div_ceil(64)];
        let mut sum = 0f32;
        for (planes, columns) in planes.iter_mut().zip(query.chunks(64)) {
            for (j, v) in columns.iter().enumerate() {
                let code = ((v - low) / step).round().clamp(0.0, 15.0) as u64;
                sum += low + step * code as f32;
                for (bit, plane) in planes.iter_mut().enumerate() {
                    *plane |= (code >> bit & 1) << j;
                }
            }
        }
        Self {
            planes,
            low,
            step,
            sum,
        }
    }
}
