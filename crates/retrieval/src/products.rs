//! Inner products of many rows with many queries, in f32 by blocked matrix products.
//!
//! Rows that are not sealed have no codes; a batch scores them by one matrix product. It sums in an order
//! of its own, so its scores are bounds: with unit roundoff u = 2^-24, a sum of d products in any order is
//! within `d u / (1 - d u)` of `|x||q|` of the truth (Higham 2002, section 3.1), and the full-precision
//! score is one more rounding away. `(d + 2) 2^-23 |x||q|` covers both for d up to 2^14.
#![allow(unsafe_code, reason = "the matrix product takes pointers")]

use crate::kernels::dot64;
use crate::row_table::RowTable;

/// Rows of one product: with 64 queries the scores stay in the second-level cache.
const BLOCK_ROWS: usize = 1024;
/// Queries of one product.
const BLOCK_QUERIES: usize = 128;

/// Offers `(query, row, score, slack)` for every query and row: the full-precision score lies within the
/// slack of the score.
pub(crate) fn scan_rows(
    rows: &RowTable,
    queries: &[Vec<f32>],
    mut offer: impl FnMut(usize, usize, f32, f32),
) {
    let (dim, values) = (rows.dim(), rows.slices().vectors);
    if values.is_empty() {
        return;
    }
    let norm = |x: &[f32]| dot64(x, x).sqrt();
    let row_norms: Vec<f64> = values.chunks_exact(dim).map(norm).collect();
    let part = (dim + 2) as f64 / f64::from(1 << 23);
    let mut scores = Vec::new();
    for (b, block) in queries.chunks(BLOCK_QUERIES).enumerate() {
        let together: Vec<f32> = block.concat();
        for (r, rows) in values.chunks(BLOCK_ROWS * dim).enumerate() {
            let n = rows.len() / dim;
            multiply(rows, &together, dim, &mut scores);
            for (q, (query, column)) in block.iter().zip(scores.chunks_exact(n)).enumerate() {
                let scale = part * norm(query);
                let norms = &row_norms[r * BLOCK_ROWS..];
                for (at, (&score, norm)) in column.iter().zip(norms).enumerate() {
                    let slack = (scale * norm) as f32 * 1.000_001 + dim as f32 * f32::MIN_POSITIVE;
                    offer(b * BLOCK_QUERIES + q, r * BLOCK_ROWS + at, score, slack);
                }
            }
        }
    }
}

/// `scores[q n + r] = rows[r] · queries[q]`, for n rows.
fn multiply(rows: &[f32], queries: &[f32], dim: usize, scores: &mut Vec<f32>) {
    let (n, m) = (rows.len() / dim, queries.len() / dim);
    scores.clear();
    scores.resize(n * m, 0.0);
    // SAFETY: `rows` is [n, dim] and `queries` [m, dim], row-major and whole, since n and m are rounded
    // down; `scores` takes n x m values, column-major. All outlive the call and do not overlap.
    unsafe {
        gemm::gemm(
            n,
            m,
            dim,
            scores.as_mut_ptr(),
            n as isize,
            1,
            false,
            rows.as_ptr(),
            1,
            dim as isize,
            queries.as_ptr(),
            dim as isize,
            1,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
