//! The bytes of one row: count of steps, checksum, weights and both moments, side by side so that a
//! touched row is one stretch of the disk.

use geoloc_geo_cells::CellId;
use xxhash_rust::xxh3::xxh3_64;

/// 32-bit words before the weights: steps, checksum.
const PREFIX: usize = 2;

/// Bytes of a row.
pub(super) fn record_bytes(dim: usize) -> usize {
    4 * (PREFIX + 3 * dim)
}

/// A row in memory.
///
/// A row that was never touched is all zero bytes and stands for its first value with zero moments, so
/// that a new file of any size is sparse and made at once.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    pub(super) steps: u32,
    pub(super) weights: Vec<f32>,
    pub(super) first: Vec<f32>,
    pub(super) second: Vec<f32>,
}

impl Record {
    /// Reads a row; `None` if it does not match its checksum.
    pub(super) fn read(bytes: &[u8], dim: usize, cell: CellId, seed: u64) -> Option<Self> {
        let words: &[u32] = bytemuck::try_cast_slice(bytes).ok()?;
        let (&[steps, sum], values) = words.split_first_chunk::<PREFIX>()?;
        if steps == 0 {
            let untouched = bytes.iter().all(|&b| b == 0);
            return untouched.then(|| Self {
                steps,
                weights: first_weights(dim, cell, seed),
                first: vec![0.0; dim],
                second: vec![0.0; dim],
            });
        }
        let values: &[f32] = bytemuck::try_cast_slice(values).ok()?;
        let part = |k: usize| values.get(k * dim..(k + 1) * dim).map(<[f32]>::to_vec);
        (checksum(bytes) == sum).then_some(())?;
        Some(Self {
            steps,
            weights: part(0)?,
            first: part(1)?,
            second: part(2)?,
        })
    }

    /// Writes the row.
    pub(super) fn write(&self, bytes: &mut [u8]) {
        let parts = [&self.weights, &self.first, &self.second];
        let values = parts.into_iter().flatten().copied().map(f32::to_bits);
        let words = [self.steps, 0].into_iter().chain(values);
        for (to, word) in bytes.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        let sum = checksum(bytes);
        if let Some(to) = bytes.get_mut(4..8) {
            to.copy_from_slice(&sum.to_ne_bytes());
        }
    }
}

/// Checksum of the steps and of everything after the checksum.
fn checksum(bytes: &[u8]) -> u32 {
    let steps = bytes.get(..4).map_or(0, xxh3_64);
    let rest = bytes.get(4 * PREFIX..).map_or(0, xxh3_64);
    (rest ^ steps.rotate_left(32)) as u32
}

/// Copies the weights of a row without checking them.
pub(super) fn weights_of(bytes: &[u8], cell: CellId, seed: u64, out: &mut [f32]) {
    if bytes.get(..4) == Some(&[0; 4]) {
        out.copy_from_slice(&first_weights(out.len(), cell, seed));
        return;
    }
    let start = 4 * PREFIX;
    // A record is as long as the dimension of its table says.
    let stored = &bytes[start..start + 4 * out.len()];
    for (to, from) in out.iter_mut().zip(stored.chunks_exact(4)) {
        *to = from
            .first_chunk::<4>()
            .map_or(0.0, |b| f32::from_ne_bytes(*b));
    }
}

/// The random unit vector that a cell starts with.
fn first_weights(dim: usize, cell: CellId, seed: u64) -> Vec<f32> {
    let mut state = mix(cell.raw() ^ mix(seed));
    let mut out: Vec<f32> = (0..dim)
        .map(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            // The sum of four even numbers is close enough to a normal one.
            let bits = mix(state);
            let sum: u32 = (0..4).map(|k| (bits >> (16 * k) & 0xffff) as u32).sum();
            sum as f32 - 131_070.0
        })
        .collect();
    let norm = out.iter().map(|v| v * v).sum::<f32>().sqrt().max(1.0);
    for v in &mut out {
        *v /= norm;
    }
    out
}

/// The finaliser of `SplitMix64` (Steele and others 2014).
pub(super) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
