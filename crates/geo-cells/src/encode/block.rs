//! Sixteen points at once, without branches and tables, so that compilers use vector registers.

use crate::LatLng;
use crate::cell::{LEAVES_F64, leaf_raw};

/// Points in a block.
pub(crate) const LANES: usize = 16;

/// Distance to a leaf's border, in leaves, below which the one-point encoder decides. The two
/// differ by less than 3e-6 leaves before rounding; the margin is thirty times that.
const GUARD: f64 = 1e-4;

/// Difference of two components of the unit vector below which the face is not certain.
const FACE_GUARD: f64 = 1e-14;

/// Coordinate of the highest leaf.
const LAST: i32 = (1 << 30) - 1;

/// Leaf ids of sixteen points; `FMA` where the processor multiplies and adds in one instruction.
#[inline(always)]
pub(crate) fn encode<const FMA: bool>(places: &[LatLng; LANES], out: &mut [u64; LANES]) {
    const RAD: f64 = std::f64::consts::PI / 180.0;
    let mut lat = [0.0; LANES];
    let mut lng = [0.0; LANES];
    for k in 0..LANES {
        lat[k] = places[k].lat();
        lng[k] = places[k].lng();
    }
    let mut face = [0_u64; LANES];
    let mut i = [0_u32; LANES];
    let mut j = [0_u32; LANES];
    let mut unsure = [0_u32; LANES];
    for k in 0..LANES {
        let (sin_lat, cos_lat) = sin_cos::<FMA>(lat[k] * RAD);
        let (sin_lng, cos_lng) = sin_cos::<FMA>(lng[k] * RAD);
        let (x, y, z) = (cos_lng * cos_lat, sin_lng * cos_lat, sin_lat);
        let (ax, ay, az) = (x.abs(), y.abs(), z.abs());
        // The largest component names the axis of the face, its sign the side.
        let y_over_x = ay > ax;
        let horizontal = if y_over_x { ay } else { ax };
        let z_over = az > horizontal;
        let largest = if z_over { az } else { horizontal };
        let component = if z_over {
            z
        } else if y_over_x {
            y
        } else {
            x
        };
        let axis = if z_over { 2 } else { u64::from(y_over_x) };
        let f = axis + if component < 0.0 { 3 } else { 0 };
        let inverse = 1.0 / component;
        let u_numerator = match f {
            0 => y,
            1 | 2 => -x,
            3 | 4 => z,
            _ => -y,
        };
        let v_numerator = match f {
            0 | 1 => z,
            2 => -y,
            3 => y,
            _ => -x,
        };
        let (u, v) = (u_numerator * inverse, v_numerator * inverse);
        let (si, ti) = (grid::<FMA>(u), grid::<FMA>(v));
        let second = if z_over {
            horizontal
        } else if y_over_x {
            ax.max(az)
        } else {
            ay.max(az)
        };
        let sure = !near_border(si) & !near_border(ti) & (largest - second > FACE_GUARD);
        unsure[k] = u32::from(!sure);
        face[k] = f;
        i[k] = (si as i32).clamp(0, LAST) as u32;
        j[k] = (ti as i32).clamp(0, LAST) as u32;
    }
    for k in 0..LANES {
        out[k] = hilbert(i[k], j[k], (face[k] & 1) as u32);
    }
    for k in 0..LANES {
        out[k] = (face[k] << 61) | (out[k] << 1) | 1;
    }
    let mut any = 0;
    for flag in unsure {
        any |= flag;
    }
    if any != 0 {
        for k in 0..LANES {
            if unsure[k] != 0 {
                out[k] = leaf_raw(lat[k], lng[k]);
            }
        }
    }
}

/// The quadratic transform in units of leaves.
#[inline(always)]
fn grid<const FMA: bool>(u: f64) -> f64 {
    let s = 0.5 * mul_add::<FMA>(3.0, u.abs(), 1.0).sqrt();
    (if u >= 0.0 { s } else { 1.0 - s }) * LEAVES_F64
}

#[inline(always)]
fn near_border(s: f64) -> bool {
    (s - (s + 0.5).floor()).abs() < GUARD
}

/// Sine and cosine for |x| up to a few turns: reduction by a two-part π/2, then the minimax
/// polynomials of Cephes (Moshier 1992) on [-π/4, π/4]. Within 2 ulp.
#[inline(always)]
fn sin_cos<const FMA: bool>(x: f64) -> (f64, f64) {
    // Adding 1.5 · 2^52 rounds to the nearest integer, which then sits in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const HALF_PI_LOW: f64 = 6.123_233_995_736_766e-17;
    let shifted = mul_add::<FMA>(x, std::f64::consts::FRAC_2_PI, ROUND);
    let quarter_turns = shifted - ROUND;
    let quadrant = shifted.to_bits();
    // The product with 0 to 2 quarter turns is exact, so no fused multiply-add is needed.
    let r = x - quarter_turns * std::f64::consts::FRAC_PI_2;
    let r = r - quarter_turns * HALF_PI_LOW;
    let z = r * r;
    let sine = mul_add::<FMA>(r * z, polynomial::<FMA>(z, SINE), r);
    let cosine = mul_add::<FMA>(z * z, polynomial::<FMA>(z, COSINE), 1.0 - 0.5 * z);
    let odd = quadrant & 1 != 0;
    let (a, b) = if odd { (cosine, sine) } else { (sine, cosine) };
    let sine = f64::from_bits(a.to_bits() ^ ((quadrant & 2) << 62));
    let cosine = f64::from_bits(b.to_bits() ^ ((quadrant.wrapping_add(1) & 2) << 62));
    (sine, cosine)
}

const SINE: [f64; 6] = [
    -1.666_666_666_666_663_1e-1,
    8.333_333_333_322_118_6e-3,
    -1.984_126_982_958_954e-4,
    2.755_731_362_138_572_5e-6,
    -2.505_074_776_285_780_7e-8,
    1.589_623_015_765_465_7e-10,
];

const COSINE: [f64; 6] = [
    4.166_666_666_666_659_3e-2,
    -1.388_888_888_887_305_6e-3,
    2.480_158_728_885_170_5e-5,
    -2.755_731_417_929_674e-7,
    2.087_570_084_197_473e-9,
    -1.135_853_652_138_768_2e-11,
];

#[inline(always)]
fn polynomial<const FMA: bool>(z: f64, c: [f64; 6]) -> f64 {
    let inner = mul_add::<FMA>(z, mul_add::<FMA>(z, c[5], c[4]), c[3]);
    mul_add::<FMA>(
        z,
        mul_add::<FMA>(z, mul_add::<FMA>(z, inner, c[2]), c[1]),
        c[0],
    )
}

/// a b + c; one rounding with `FMA`, which without the instruction would be a slow call.
#[inline(always)]
fn mul_add<const FMA: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// Position of (i, j) on the Hilbert curve; `swap` is the state that the face starts with.
///
/// At each bit level the state (swap, invert) changes by an affine map over GF(2): equal bits b
/// give s' = s + v + 1 + b, v' = v; different bits give s' = v + 1 + j, v' = s + 1 + j. Five rounds
/// of parallel-prefix composition, each on all thirty levels at once, give the state before every
/// level.
#[inline(always)]
fn hilbert(i: u32, j: u32, swap: u32) -> u64 {
    const MASK: u32 = (1 << 30) - 1;
    let differ = i ^ j;
    let equal = !differ & MASK;
    // (s', v') = M (s, v) + c, a bit of each matrix entry per level.
    let (mut m11, mut m12, mut m21, mut m22) = (equal, MASK, differ, equal);
    let (mut c1, mut c2) = (!j & MASK, differ & !j);
    let mut shift = 1;
    while shift < 32 {
        // Above the highest level stands the identity.
        let top = !(MASK >> shift) & MASK;
        let (a11, a12) = ((m11 >> shift) | top, m12 >> shift);
        let (a21, a22) = (m21 >> shift, (m22 >> shift) | top);
        let (d1, d2) = (c1 >> shift, c2 >> shift);
        c1 ^= (m11 & d1) ^ (m12 & d2);
        c2 ^= (m21 & d1) ^ (m22 & d2);
        let n11 = (m11 & a11) ^ (m12 & a21);
        let n12 = (m11 & a12) ^ (m12 & a22);
        let n21 = (m21 & a11) ^ (m22 & a21);
        let n22 = (m21 & a12) ^ (m22 & a22);
        (m11, m12, m21, m22) = (n11, n12, n21, n22);
        shift <<= 1;
    }
    let start = 0_u32.wrapping_sub(swap) & MASK;
    let swap_after = (m11 & start) ^ c1;
    let invert_after = (m21 & start) ^ c2;
    let swap_before = (swap_after >> 1) | (swap << 29);
    let invert_before = invert_after >> 1;
    let flip = (differ & swap_before) ^ invert_before;
    let (i, j) = (i ^ flip, j ^ flip);
    // Digits on the unturned curve: (0,0) 0, (0,1) 1, (1,1) 2, (1,0) 3.
    (spread(i & MASK) << 1) | spread((i ^ j) & MASK)
}

/// Moves bit k to bit 2k.
#[inline(always)]
fn spread(x: u32) -> u64 {
    let mut x = u64::from(x);
    x = (x | (x << 16)) & 0x0000_FFFF_0000_FFFF;
    x = (x | (x << 8)) & 0x00FF_00FF_00FF_00FF;
    x = (x | (x << 4)) & 0x0F0F_0F0F_0F0F_0F0F;
    x = (x | (x << 2)) & 0x3333_3333_3333_3333;
    (x | (x << 1)) & 0x5555_5555_5555_5555
}
