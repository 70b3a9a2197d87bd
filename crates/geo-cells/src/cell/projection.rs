//! From the sphere to the Hilbert curve and back: Google's S2 projection, one point at a time.
//!
//! A point goes to the face of its largest component, (u, v) is its gnomonic projection, (s, t)
//! the quadratic transform that evens out cell areas, (i, j) the 30-bit integers of (s, t), and the
//! leaf's position the Hilbert curve through (i, j). The batch encoder must agree with
//! [`leaf_raw`] bit for bit.

use std::sync::LazyLock;

/// Leaves along the edge of a face.
const LEAVES: u32 = 1 << 30;

/// Number of leaves of a face's edge as a float.
pub(crate) const LEAVES_F64: f64 = LEAVES as f64;

/// Hilbert tables for five levels at a time, indexed by `state << 10 | i << 5 | j` (encode) or
/// `state << 10 | position` (decode); the low two bits of an entry are the next state.
struct HilbertTables {
    encode: Box<[u16; 4096]>,
    decode: Box<[u16; 4096]>,
}

static TABLES: LazyLock<HilbertTables> = LazyLock::new(|| {
    let mut tables = HilbertTables {
        encode: Box::new([0; 4096]),
        decode: Box::new([0; 4096]),
    };
    for state in 0..4_u32 {
        for ij in 0..1024_u32 {
            let (i, j) = (ij >> 5, ij & 31);
            let (mut swap, mut invert, mut position) = (state & 1, state >> 1, 0);
            for bit in (0..5).rev() {
                let (ib, jb) = ((i >> bit) & 1, (j >> bit) & 1);
                let flip = ((ib ^ jb) & swap) ^ invert;
                let (ib, jb) = (ib ^ flip, jb ^ flip);
                let digit = (ib << 1) | (ib ^ jb);
                position = (position << 2) | digit;
                swap ^= u32::from(digit == 0 || digit == 3);
                invert ^= u32::from(digit == 3);
            }
            let next = (invert << 1) | swap;
            tables.encode[(state << 10 | ij) as usize] = (position << 2 | next) as u16;
            tables.decode[(state << 10 | position) as usize] = (ij << 2 | next) as u16;
        }
    }
    tables
});

/// The leaf id of a latitude and a longitude in degrees, which must be finite.
///
/// Equal components choose the later axis, as Google's `LargestAbsComponent` does; crate `s2` 0.2.0
/// takes the earlier one.
pub(crate) fn leaf_raw(lat: f64, lng: f64) -> u64 {
    let (sin_lat, cos_lat) = lat.to_radians().sin_cos();
    let (sin_lng, cos_lng) = lng.to_radians().sin_cos();
    leaf_of_vector([cos_lng * cos_lat, sin_lng * cos_lat, sin_lat])
}

/// The leaf id of a vector that need not have unit length.
pub(crate) fn leaf_of_vector(v: [f64; 3]) -> u64 {
    let (face, u, v) = face_uv(v);
    leaf_of_ij(face, st_to_ij(uv_to_st(u)), st_to_ij(uv_to_st(v)))
}

/// Face and (u, v) of a vector.
pub(crate) fn face_uv([x, y, z]: [f64; 3]) -> (u8, f64, f64) {
    let (ax, ay, az) = (x.abs(), y.abs(), z.abs());
    let (axis, component) = if ax > ay {
        if ax > az { (0, x) } else { (2, z) }
    } else if ay > az {
        (1, y)
    } else {
        (2, z)
    };
    let face = axis + if component < 0.0 { 3 } else { 0 };
    let (u, v) = match face {
        0 => (y / x, z / x),
        1 => (-x / y, z / y),
        2 => (-x / z, -y / z),
        3 => (z / x, y / x),
        4 => (z / y, -x / y),
        _ => (-y / z, -x / z),
    };
    (face, u, v)
}

/// The vector through (u, v) of a face, of length at least 1.
pub(crate) fn face_uv_to_vector(face: u8, u: f64, v: f64) -> [f64; 3] {
    match face {
        0 => [1.0, u, v],
        1 => [-u, 1.0, v],
        2 => [-u, -v, 1.0],
        3 => [-1.0, -v, -u],
        4 => [v, -1.0, -u],
        _ => [v, u, -1.0],
    }
}

/// The quadratic transform that makes cells of one level nearly equal in area.
pub(crate) fn uv_to_st(u: f64) -> f64 {
    if u >= 0.0 {
        0.5 * (1.0 + 3.0 * u).sqrt()
    } else {
        1.0 - 0.5 * (1.0 - 3.0 * u).sqrt()
    }
}

/// Inverse of [`uv_to_st`].
pub(crate) fn st_to_uv(s: f64) -> f64 {
    if s >= 0.5 {
        (1.0 / 3.0) * (4.0 * s * s - 1.0)
    } else {
        (1.0 / 3.0) * (1.0 - 4.0 * (1.0 - s) * (1.0 - s))
    }
}

fn st_to_ij(s: f64) -> u32 {
    // A cast saturates, so values outside [0, 1) and NaN end inside the face.
    ((s * LEAVES_F64) as u32).min(LEAVES - 1)
}

/// The leaf id of (i, j) on a face, both below 2^30.
pub(crate) fn leaf_of_ij(face: u8, i: u32, j: u32) -> u64 {
    let mut state = u32::from(face) & 1;
    let mut position = 0_u64;
    for k in (0..6).rev() {
        let (ib, jb) = ((i >> (5 * k)) & 31, (j >> (5 * k)) & 31);
        let entry = u32::from(TABLES.encode[(state << 10 | ib << 5 | jb) as usize]);
        position = (position << 10) | u64::from(entry >> 2);
        state = entry & 3;
    }
    (u64::from(face) << 61) | (position << 1) | 1
}

/// Face and (i, j) of a valid leaf id.
pub(crate) fn ij_of_leaf(raw: u64) -> (u8, u32, u32) {
    let face = (raw >> 61) as u8;
    let mut state = u32::from(face) & 1;
    let (mut i, mut j) = (0, 0);
    for k in (0..6).rev() {
        let digits = ((raw >> (10 * k + 1)) & 1023) as u32;
        let entry = u32::from(TABLES.decode[(state << 10 | digits) as usize]);
        i = (i << 5) | (entry >> 7);
        j = (j << 5) | ((entry >> 2) & 31);
        state = entry & 3;
    }
    (face, i, j)
}

/// Face, lowest (i, j) and edge length in leaves of a valid cell id.
pub(crate) fn ij_square(raw: u64) -> (u8, u32, u32, u32) {
    let lowest = raw & raw.wrapping_neg();
    let size = 1_u32 << (lowest.trailing_zeros() / 2);
    let (face, i, j) = ij_of_leaf(raw - (lowest - 1));
    (face, i & !(size - 1), j & !(size - 1), size)
}

/// The bounds of a cell on its face: `(face, [u_lo, u_hi], [v_lo, v_hi])`.
pub(crate) fn uv_bounds(raw: u64) -> (u8, [f64; 2], [f64; 2]) {
    let (face, i, j, size) = ij_square(raw);
    let edge = |k: u32| st_to_uv(f64::from(k) / LEAVES_F64);
    (face, [edge(i), edge(i + size)], [edge(j), edge(j + size)])
}

/// A vector towards the centre of a cell, not normalised.
pub(crate) fn center_vector(raw: u64) -> [f64; 3] {
    let (face, i, j, size) = ij_square(raw);
    // Centres lie on the grid of half leaves: exact in f64.
    let mid = |k: u32| st_to_uv((f64::from(k) + 0.5 * f64::from(size)) / LEAVES_F64);
    face_uv_to_vector(face, mid(i), mid(j))
}

/// The four edge neighbours of a cell: down, right, up, left.
pub(crate) fn edge_neighbors(raw: u64) -> [u64; 4] {
    let (face, i, j, size) = ij_square(raw);
    let (i, j, step) = (i64::from(i), i64::from(j), i64::from(size));
    let lowest = raw & raw.wrapping_neg();
    let lift = |leaf: u64| (leaf & lowest.wrapping_neg()) | lowest;
    [(i, j - step), (i + step, j), (i, j + step), (i - step, j)]
        .map(|(i, j)| lift(leaf_of_wrapped_ij(face, i, j)))
}

/// The leaf at (i, j), which may lie one cell beyond the face: then on the adjacent face.
fn leaf_of_wrapped_ij(face: u8, i: i64, j: i64) -> u64 {
    let last = i64::from(LEAVES) - 1;
    if (0..=last).contains(&i) && (0..=last).contains(&j) {
        return leaf_of_ij(face, i as u32, j as u32);
    }
    // The leaf just across the edge: project a point slightly beyond it with the linear transform,
    // which is all that the choice of the leaf needs.
    let linear = |k: i64| {
        let k = k.clamp(-1, last + 1);
        let uv = (2 * (k - i64::from(LEAVES) / 2) + 1) as f64 / LEAVES_F64;
        let limit = 1.0 + f64::EPSILON;
        uv.clamp(-limit, limit)
    };
    let (face, u, v) = face_uv(face_uv_to_vector(face, linear(i), linear(j)));
    leaf_of_ij(face, st_to_ij(0.5 * (u + 1.0)), st_to_ij(0.5 * (v + 1.0)))
}
