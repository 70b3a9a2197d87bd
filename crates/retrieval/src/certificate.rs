//! Int8 codes of rows and queries, and how far the coded score can lie from the true one.
//!
//! The argument is written out at [`FlatIndex`](crate::FlatIndex).

use crate::kernels::{Kernel, TILE_HEADER, TILE_ROWS};

/// Covers every rounding of the approximate score, as a part of |x||q|: fewer than 16 roundings, each of
/// at most 2^-24 of 2|x||q|, so that 2^-19 = 32 x 2^-24 is enough.
const ROUNDING: f64 = 1.0 / 524_288.0;
/// Covers results that fall below the normal numbers, where a rounding is absolute (2^-150).
const UNDERFLOW: f64 = f32::MIN_POSITIVE as f64;

/// 1.5 x 2^52: adding and taking it off rounds to the nearest integer, ties to even, in two additions
/// where baseline x86-64 would call a function.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// A query in one or two planes of int8: `q = scale[0] code0 + scale[1] code1 + rest`.
#[derive(Debug, Clone)]
pub(crate) struct QueryCode {
    /// For every 8 columns: plane 0 columns 0-3, plane 0 columns 4-7, then plane 1 likewise; four codes
    /// to a word, little endian.
    pub(crate) words: Vec<[i32; 4]>,
    /// Minus 128 times the sum of each plane: rows are stored with 128 added.
    pub(crate) bias: [i32; 2],
    /// Minus 241 times the sum of plane 0: twice what the upper half u of a code stands for is 32 u - 241.
    pub(crate) upper_bias: i32,
    pub(crate) scale: [f32; 2],
    /// `slack = row error x error_factor + row norm x norm_factor + slack`, with both planes.
    pub(crate) error_factor: f32,
    pub(crate) norm_factor: f32,
    /// The factors where only plane 0 is used.
    pub(crate) first_error_factor: f32,
    pub(crate) first_norm_factor: f32,
}

impl QueryCode {
    pub(crate) fn new(query: &[f32], kernel: Kernel) -> Self {
        Self::with_planes(query, kernel, true)
    }

    /// Only plane 0, where the second is not used or not worth its time.
    pub(crate) fn one_plane(query: &[f32], kernel: Kernel) -> Self {
        Self::with_planes(query, kernel, false)
    }

    fn with_planes(query: &[f32], kernel: Kernel, both: bool) -> Self {
        let levels = kernel.query_levels();
        let exact: Vec<f64> = query.iter().map(|&v| f64::from(v)).collect();
        let (code0, scale0) = quantise(&exact, levels);
        let first_rest = residual(&exact, &code0, scale0);
        let (norm, rest0) = (norm_of(&exact), norm_of(&first_rest));
        let (code1, scale1, rest1) = if both {
            let (code, scale) = quantise(&first_rest, levels);
            let rest = norm_of(&residual(&first_rest, &code, scale));
            (code, scale, rest)
        } else {
            (Vec::new(), 0.0, rest0)
        };
        let error_factor = |rest: f64| round_up((norm + rest) * (1.0 + ROUNDING) + UNDERFLOW);
        let norm_factor =
            |rest: f64| round_up(rest * (1.0 + ROUNDING) + norm * ROUNDING + UNDERFLOW);
        Self {
            words: pack(&code0, &code1),
            bias: [-128 * sum(&code0), -128 * sum(&code1)],
            upper_bias: -241 * sum(&code0),
            scale: [scale0, scale1],
            error_factor: error_factor(rest1),
            norm_factor: norm_factor(rest1),
            first_error_factor: error_factor(rest0),
            first_norm_factor: norm_factor(rest0),
        }
    }

    /// To be asked of rows as they are.
    pub(crate) fn asked(&self) -> Asked<'_> {
        self.asked_with(0.0, 0.0)
    }

    /// To be asked of residuals: adds a constant to every score, which is within 2^-19 of `magnitude` of
    /// the truth.
    pub(crate) fn asked_with(&self, constant: f32, magnitude: f64) -> Asked<'_> {
        Asked {
            code: self,
            constant,
            slack: round_up(64.0 * UNDERFLOW + 2.0 * magnitude * ROUNDING),
        }
    }
}

/// A coded query and what one scan adds to its scores.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) code: &'a QueryCode,
    /// Added to every score.
    pub(crate) constant: f32,
    /// Added to every slack.
    pub(crate) slack: f32,
}

/// Writes a row into its lane of a tile.
pub(crate) fn encode_row(row: &[f32], tile: &mut [u8], lane: usize) {
    let exact: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
    let (codes, scale) = quantise(&exact, 127);
    let error = norm_of(&residual(&exact, &codes, scale));
    let bounds = pack_bounds(error, norm_of(&exact));
    write_row(&codes, [scale.to_bits(), bounds], tile, lane);
}

/// Writes a row into its lane of a tile that will be split: the scale is one of 16 bits, and beside it is
/// how far the upper halves of the codes alone can be from the row.
pub(crate) fn encode_split_row(row: &[f32], tile: &mut [u8], lane: usize) {
    let exact: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
    let (codes, scale) = quantise(&exact, 127);
    let scale = f32::from_bits(scale.to_bits().saturating_add(0x8000) & UPPER);
    let error = norm_of(&residual(&exact, &codes, scale));
    let from_upper = |(v, &code): (&f64, &i8)| v - f64::from(scale) * upper_value(code);
    let upper: Vec<f64> = exact.iter().zip(&codes).map(from_upper).collect();
    let beside = pack_bounds(0.0, norm_of(&upper));
    let bounds = pack_bounds(error, norm_of(&exact));
    write_row(&codes, [scale.to_bits() | beside, bounds], tile, lane);
}

/// What the upper four bits of a code stand for: the middle of the 16 codes that share them.
fn upper_value(code: i8) -> f64 {
    f64::from((i32::from(code) + 128) / 16 * 16) + 7.5 - 128.0
}

/// The words of the header of one row, and its codes.
fn write_row(codes: &[i8], words: [u32; 2], tile: &mut [u8], lane: usize) {
    let (header, body) = tile.split_at_mut(TILE_HEADER);
    let (scales, packed) = header.as_chunks_mut::<4>().0.split_at_mut(TILE_ROWS);
    if let (Some(s), Some(b)) = (scales.get_mut(lane), packed.get_mut(lane)) {
        *s = words[0].to_le_bytes();
        *b = words[1].to_le_bytes();
    }
    // Four columns of a row lie together, 16 rows one after another.
    let fours = body.as_chunks_mut::<4>().0;
    for (four, place) in fours.iter_mut().skip(lane).step_by(TILE_ROWS).enumerate() {
        // The columns that fill up the last chunk have code 0.
        *place = std::array::from_fn(|j| {
            let code = codes.get(4 * four + j).copied().unwrap_or(0);
            (i32::from(code) + 128) as u8
        });
    }
}

/// Codes in plus or minus `levels`, and the scale that fits them best in the squared error.
fn quantise(x: &[f64], levels: i32) -> (Vec<i8>, f32) {
    let largest = x.iter().fold(0f64, |m, v| m.max(v.abs()));
    if largest == 0.0 {
        return (vec![0; x.len()], 0.0);
    }
    let factor = f64::from(levels) / largest;
    let rounded: Vec<f64> = x.iter().map(|v| (v * factor + ROUND) - ROUND).collect();
    let scale = lane_dot(x, &rounded) / lane_dot(&rounded, &rounded);
    (rounded.iter().map(|&r| r as i8).collect(), scale as f32)
}

fn residual(x: &[f64], codes: &[i8], scale: f32) -> Vec<f64> {
    let scale = f64::from(scale);
    x.iter()
        .zip(codes)
        .map(|(v, &c)| v - scale * f64::from(c))
        .collect()
}

/// The Euclidean norm, rounded up past the error of computing it in f64.
fn norm_of(x: &[f64]) -> f64 {
    lane_dot(x, x).sqrt() * (1.0 + 1e-10)
}

/// An inner product in eight running sums.
fn lane_dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0f64; 8];
    let (a8, a_rest) = a.as_chunks::<8>();
    let (b8, b_rest) = b.as_chunks::<8>();
    for (x, y) in a8.iter().zip(b8) {
        for ((s, p), q) in sums.iter_mut().zip(x).zip(y) {
            *s += p * q;
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(p, q)| p * q).sum();
    sums.iter().sum::<f64>() + rest
}

fn sum(codes: &[i8]) -> i32 {
    codes.iter().map(|&c| i32::from(c)).sum()
}

fn pack(code0: &[i8], code1: &[i8]) -> Vec<[i32; 4]> {
    // The columns that fill up the last chunk have code 0.
    let word = |codes: &[i8], from: usize| {
        i32::from_le_bytes(std::array::from_fn(|j| {
            codes.get(from + j).copied().unwrap_or(0).cast_unsigned()
        }))
    };
    (0..code0.len().next_multiple_of(8))
        .step_by(8)
        .map(|at| {
            [
                word(code0, at),
                word(code0, at + 4),
                word(code1, at),
                word(code1, at + 4),
            ]
        })
        .collect()
}

/// The smallest f32 that is not below `x`.
pub(crate) fn round_up(x: f64) -> f32 {
    let near = x as f32;
    if f64::from(near) < x {
        near.next_up()
    } else {
        near
    }
}

/// The upper half of an f32: sign, exponent and 7 bits.
pub(crate) const UPPER: u32 = 0xffff_0000;

/// Two bounds in 32 bits, each rounded up to the upper half of an f32.
fn pack_bounds(error: f64, norm: f64) -> u32 {
    let half = |x: f64| round_up(x).to_bits().saturating_add(0xffff) & UPPER;
    half(error) | half(norm) >> 16
}

/// The error bound and the norm bound.
pub(crate) fn unpack_bounds(packed: u32) -> (f32, f32) {
    (f32::from_bits(packed & UPPER), f32::from_bits(packed << 16))
}
