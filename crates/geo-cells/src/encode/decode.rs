//! Sixteen leaf ids at once to unit vectors.

use super::block::LANES;
use crate::CellId;
use crate::cell::LEAVES_F64;

/// Unit vectors towards the centres of sixteen leaves: `[x, y, z]` by lane.
///
/// The state before a digit is the XOR of what the digits before it do: digits 0 and 3 swap the
/// axes, digit 3 also inverts them. Five shifts give that for all levels.
#[inline(always)]
pub(crate) fn decode(leaves: &[CellId; LANES], out: &mut [[f64; LANES]; 3]) {
    let mut face = [0_u32; LANES];
    let mut i = [0_u32; LANES];
    let mut j = [0_u32; LANES];
    for k in 0..LANES {
        let raw = leaves[k].raw();
        face[k] = (raw >> 61) as u32;
        let high = gather(raw >> 2);
        let low = gather(raw >> 1);
        // Canonical bits: i = high, j = high ^ low.
        let swaps = !(high ^ low) & MASK;
        let inverts = high & low;
        let swap = before(swaps) ^ (0_u32.wrapping_sub(face[k] & 1) & MASK);
        let invert = before(inverts);
        let flip = (low & swap) ^ invert;
        i[k] = high ^ flip;
        j[k] = high ^ low ^ flip;
    }
    for k in 0..LANES {
        let (u, v) = (centre(i[k]), centre(j[k]));
        let [x, y, z] = match face[k] {
            0 => [1.0, u, v],
            1 => [-u, 1.0, v],
            2 => [-u, -v, 1.0],
            3 => [-1.0, -v, -u],
            4 => [v, -1.0, -u],
            _ => [v, u, -1.0],
        };
        let inverse = 1.0 / (x * x + y * y + z * z).sqrt();
        out[0][k] = x * inverse;
        out[1][k] = y * inverse;
        out[2][k] = z * inverse;
    }
}

const MASK: u32 = (1 << 30) - 1;

/// For each level the XOR of the bits of all coarser levels.
#[inline(always)]
fn before(bits: u32) -> u32 {
    let mut x = bits >> 1;
    x ^= x >> 1;
    x ^= x >> 2;
    x ^= x >> 4;
    x ^= x >> 8;
    x ^ (x >> 16)
}

/// Moves bit 2k to bit k, of the lower sixty bits.
#[inline(always)]
fn gather(x: u64) -> u32 {
    let mut x = x & 0x0555_5555_5555_5555;
    x = (x | (x >> 1)) & 0x3333_3333_3333_3333;
    x = (x | (x >> 2)) & 0x0F0F_0F0F_0F0F_0F0F;
    x = (x | (x >> 4)) & 0x00FF_00FF_00FF_00FF;
    x = (x | (x >> 8)) & 0x0000_FFFF_0000_FFFF;
    (x | (x >> 16)) as u32
}

/// (u or v) of the centre of leaf `i`; the same operations as for one point.
#[inline(always)]
fn centre(i: u32) -> f64 {
    let s = (f64::from(i) + 0.5) / LEAVES_F64;
    let upper = 4.0 * s * s - 1.0;
    let lower = 1.0 - 4.0 * (1.0 - s) * (1.0 - s);
    (1.0 / 3.0) * if s >= 0.5 { upper } else { lower }
}
