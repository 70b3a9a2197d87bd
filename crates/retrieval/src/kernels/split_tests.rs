use super::*;
use crate::certificate::{QueryCode, encode_split_row, unpack_bounds};

/// Any bytes.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 3u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

fn values(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    std::iter::repeat_with(next).take(len).collect()
}

#[test]
fn a_tile_is_put_together_as_it_was() {
    for padded in [8, 16, 24, 128, 200] {
        let tile = noise(TILE_HEADER + TILE_ROWS * padded);
        let mut upper = vec![0; upper_bytes(padded)];
        let mut lower = vec![0; lower_bytes(padded)];
        split_tile(&tile, &mut upper, &mut lower);
        for kernel in Kernel::available() {
            let mut joined = vec![1; tile.len()];
            join_tile(kernel, &upper, &lower, &mut joined);
            for (at, (&got, &was)) in joined.iter().zip(&tile).enumerate() {
                // What lies beside a scale is for the upper part alone.
                let beside = at < TILE_HEADER / 2 && at % 4 < 2;
                assert_eq!(got, if beside { 0 } else { was }, "{kernel:?}, byte {at}");
            }
        }
    }
}

/// One tile of 16 rows, in parts.
fn tile_of(rows: &[f32], dim: usize) -> (Vec<u8>, Vec<u8>) {
    let padded = dim.next_multiple_of(8);
    let mut tile = vec![0; TILE_HEADER + TILE_ROWS * padded];
    tile[TILE_HEADER..].fill(128);
    for (lane, row) in rows.chunks_exact(dim).enumerate() {
        encode_split_row(row, &mut tile, lane);
    }
    let mut upper = vec![0; upper_bytes(padded)];
    let mut lower = vec![0; lower_bytes(padded)];
    split_tile(&tile, &mut upper, &mut lower);
    (upper, lower)
}

/// Whether a tile survives a floor.
struct Floor(f32, Option<f32>);

impl Survivors for Floor {
    fn floor(&self) -> f32 {
        self.0
    }

    fn take(&mut self, _: usize, bound: f32) {
        self.1 = Some(bound);
    }
}

#[test]
fn a_tile_survives_up_to_its_bound_and_no_further() {
    for dim in [1, 8, 9, 70, 128, 250] {
        let (rows, query) = (values(TILE_ROWS * dim, 5), values(dim, 6));
        let (upper, lower) = tile_of(&rows, dim);
        let padded = dim.next_multiple_of(8);
        let mut tile = vec![0; TILE_HEADER + TILE_ROWS * padded];
        join_tile(Kernel::Portable, &upper, &lower, &mut tile);
        for kernel in Kernel::available() {
            let code = QueryCode::one_plane(&query, kernel);
            // Bounds from whole codes and the words of the header, in f64.
            let word = |at: usize| u32::from_le_bytes(*upper[4 * at..].first_chunk().unwrap());
            let exact = |a: &[f32], b: &[f32]| -> f64 {
                a.iter()
                    .zip(b)
                    .map(|(&a, &b)| f64::from(a) * f64::from(b))
                    .sum()
            };
            let mut highest = f64::NEG_INFINITY;
            for (lane, row) in rows.chunks_exact(dim).enumerate() {
                let (scale, error) = unpack_bounds(word(lane));
                let (_, norm) = unpack_bounds(word(TILE_ROWS + lane));
                let value = |column: usize| {
                    let at = TILE_HEADER + column / 4 * 64 + 4 * lane + column % 4;
                    f64::from(tile[at] / 16 * 16) + 7.5 - 128.0
                };
                let coded = |column: usize| {
                    let word = code.words[column / 8][column % 8 / 4];
                    f64::from(word.to_le_bytes()[column % 4] as i8) * f64::from(code.scale[0])
                };
                let score: f64 = (0..dim)
                    .map(|c| f64::from(scale) * value(c) * coded(c))
                    .sum();
                let slack = f64::from(error) * f64::from(code.first_error_factor)
                    + f64::from(norm) * f64::from(code.first_norm_factor);
                assert!(
                    (exact(row, &query) - score).abs() <= slack,
                    "dim {dim}, lane {lane}"
                );
                highest = highest.max(score + slack);
            }
            let scan = SplitScan {
                upper: &upper,
                padded,
                first_row: 0,
                offsets: None,
            };
            let survives = |floor: f64| {
                let mut tile = Floor(floor as f32, None);
                scan_upper(kernel, &scan, 0..1, code.asked(), &mut tile);
                tile.1
            };
            let margin = 1e-4 * highest.abs();
            let bound = survives(highest - margin).map(f64::from);
            assert!(
                bound.is_some_and(|bound| (bound - highest).abs() < margin),
                "{kernel:?}, dim {dim}"
            );
            assert_eq!(survives(highest + margin), None, "{kernel:?}, dim {dim}");
        }
    }
}

/// Never gets a row.
struct All;

impl Sink for All {
    fn floor(&self) -> f32 {
        f32::NEG_INFINITY
    }

    fn take(&mut self, _: usize, _: u32, _: &[f32; 16], _: &[f32; 16]) {
        unreachable!("nothing was read");
    }
}

#[test]
fn what_the_lower_part_fails_with_is_told() {
    let dim = 16;
    let (rows, query) = (values(TILE_ROWS * dim, 5), values(dim, 6));
    let (upper, _) = tile_of(&rows, dim);
    for kernel in Kernel::available() {
        let code = QueryCode::new(&query, kernel);
        let scan = SplitScan {
            upper: &upper,
            padded: dim,
            first_row: 0,
            offsets: None,
        };
        let damage = || Damage {
            file: "x".into(),
            section: "lower",
            offset: 7,
        };
        let outcome = scan_split(kernel, &scan, code.asked(), |_| Err(damage()), &mut All);
        assert_eq!(outcome, Err(damage()));
    }
}
