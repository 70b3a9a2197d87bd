//! Estimates from low-bit codes: the same from every instruction set, and close to the truth.

use super::*;
use crate::certificate::QueryCode;
use crate::codes::{
    BitQuery, encode_four_bit, encode_one_bit, four_bit_tile_bytes, one_bit_tile_bytes,
};

/// Odd, so that pairs of tiles leave one over.
const TILES: usize = 7;
const CONSTANT: f32 = 0.75;

/// Keeps every row at or above a floor.
#[derive(Clone)]
struct All {
    floor: f32,
    rows: Vec<(usize, f32)>,
}

impl All {
    fn above(floor: f32) -> Self {
        Self {
            floor,
            rows: Vec::new(),
        }
    }
}

impl Sink for All {
    fn floor(&self) -> f32 {
        self.floor
    }

    fn take(&mut self, first_row: usize, lanes: u32, score: &[f32; 16], _: &[f32; 16]) {
        for (lane, &score) in score
            .iter()
            .enumerate()
            .filter(|(i, _)| lanes >> i & 1 == 1)
        {
            self.rows.push((first_row + lane, score));
        }
    }
}

/// Seeded values of about a normal distribution, which is what rotated rows have.
fn values(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed;
    let mut unit = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| (0..6).map(|_| unit()).sum()).collect()
}

fn tiles(rows: &[f32], dim: usize, size: usize, encode: fn(&[f32], &mut [u8], usize)) -> Vec<u8> {
    let mut tiles = vec![0; TILES * size];
    for (tile, rows) in tiles.chunks_mut(size).zip(rows.chunks(TILE_ROWS * dim)) {
        for (lane, row) in rows.chunks(dim).enumerate() {
            encode(row, tile, lane);
        }
    }
    tiles
}

/// The same rows with the same estimates, to the rounding of fused and unfused multiply-adds: four units of
/// f32 of the largest term of the sums.
fn same(what: &str, got: &All, expected: &All, largest: f32) {
    let rounding = 4.0 * f32::EPSILON * largest;
    // Rows beside the floor may fall on either side of it.
    let clear = |all: &All| -> Vec<(usize, f32)> {
        let rows = all.rows.iter().copied();
        rows.filter(|r| (r.1 - all.floor).abs() > rounding)
            .collect()
    };
    let (got, expected) = (clear(got), clear(expected));
    assert_eq!(got.len(), expected.len(), "{what}");
    for (a, b) in got.iter().zip(&expected) {
        assert_eq!(a.0, b.0, "{what}");
        assert!(
            (a.1 - b.1).abs() <= rounding,
            "{what}: {a:?}, portable {b:?}"
        );
    }
}

/// The mean distance of estimates from the true products, in units of the product of the norms.
fn mean_error(estimates: &All, rows: &[f32], query: &[f32]) -> f32 {
    let norm = |x: &[f32]| dot(x, x).sqrt();
    let rows = rows.chunks(query.len());
    assert_eq!(estimates.rows.len(), rows.len());
    let errors = rows.zip(&estimates.rows).map(|(row, (_, estimate))| {
        (estimate - CONSTANT - dot(row, query)).abs() / (norm(row) * norm(query))
    });
    errors.sum::<f32>() / estimates.rows.len() as f32
}

/// The largest estimate, and the constant in it.
fn largest(all: &All) -> f32 {
    all.rows.iter().fold(CONSTANT, |m, r| m.max(r.1.abs()))
}

const DIMS: [usize; 10] = [1, 7, 8, 9, 63, 64, 65, 128, 200, 513];

#[test]
fn four_bit_estimates_agree() {
    for dim in DIMS {
        let rows = values(1, TILES * TILE_ROWS * dim);
        let size = four_bit_tile_bytes(dim);
        let tiles = tiles(&rows, dim, size, encode_four_bit);
        let scan = LowScan {
            tiles: &tiles,
            tile_bytes: size,
            first_row: 32,
        };
        for kernel in Kernel::available() {
            let what = format!("{kernel:?}, {dim} columns");
            let queries: Vec<Vec<f32>> = (0..11).map(|i| values(50 + i, dim)).collect();
            let codes = queries.iter().map(|q| QueryCode::one_plane(q, kernel));
            let codes: Vec<QueryCode> = codes.collect();
            let asked: Vec<Asked<'_>> = codes.iter().map(|c| c.asked_with(CONSTANT, 0.0)).collect();
            for floor in [f32::NEG_INFINITY, CONSTANT] {
                let expected: Vec<All> = asked
                    .iter()
                    .map(|&asked| {
                        let mut all = All::above(floor);
                        scan_four_bit(Kernel::Portable, &scan, asked, &mut all);
                        all
                    })
                    .collect();
                for (&asked, expected) in asked.iter().zip(&expected) {
                    let mut got = All::above(floor);
                    scan_four_bit(kernel, &scan, asked, &mut got);
                    same(&what, &got, expected, largest(expected));
                }
                for count in [1, 3, 4, 5, 8, 11] {
                    let mut got = vec![All::above(floor); count];
                    scan_four_bit_group(kernel, &scan, &asked[..count], &mut got);
                    for (got, expected) in got.iter().zip(&expected) {
                        same(&what, got, expected, largest(expected));
                    }
                }
                if floor < 0.0 && dim >= 63 {
                    let error = mean_error(&expected[0], &rows, &queries[0]);
                    assert!(error < FOUR_BIT / (dim as f32).sqrt(), "{what}: {error}");
                }
            }
        }
    }
}

#[test]
fn one_bit_estimates_agree() {
    for dim in DIMS {
        let rows = values(1, TILES * TILE_ROWS * dim);
        let size = one_bit_tile_bytes(dim);
        let tiles = tiles(&rows, dim, size, encode_one_bit);
        let scan = LowScan {
            tiles: &tiles,
            tile_bytes: size,
            first_row: 32,
        };
        for query in (0..3).map(|i| values(50 + i, dim)) {
            let code = BitQuery::new(&query);
            // Sums over set and over all columns, which mostly cancel, times a scale |x|^2 / sum |x|.
            let scale = |x: &[f32]| dot(x, x) / x.iter().map(|v| v.abs()).sum::<f32>();
            let scale = rows.chunks(dim).map(scale).fold(0.0, f32::max);
            let column = 2.0 * code.low.abs() + 30.0 * code.step;
            let largest = CONSTANT + scale * (dim as f32 * column + code.sum.abs());
            for floor in [f32::NEG_INFINITY, CONSTANT] {
                let mut expected = All::above(floor);
                scan_one_bit(Kernel::Portable, &scan, &code, CONSTANT, &mut expected);
                for kernel in Kernel::available() {
                    let mut got = All::above(floor);
                    scan_one_bit(kernel, &scan, &code, CONSTANT, &mut got);
                    same(
                        &format!("{kernel:?}, {dim} columns"),
                        &got,
                        &expected,
                        largest,
                    );
                }
                if floor < 0.0 && dim >= 63 {
                    let error = mean_error(&expected, &rows, &query);
                    assert!(error < ONE_BIT / (dim as f32).sqrt(), "{dim}: {error}");
                }
            }
        }
    }
}

/// Bounds of the mean error times the root of the dimension. A code leaves out a part r of a row that
/// points anywhere, and the mean of |cos| between directions is sqrt(2 / (pi dim)): for 16 uniform levels
/// (Max 1960) r is 0.107, for signs 0.75 with the norm restored; coding the query adds to it.
const FOUR_BIT: f32 = 0.13;
const ONE_BIT: f32 = 0.9;
