//! The reference: every row made again and scored in full precision.

use geoloc_geo_cells::CellId;
use geoloc_retrieval::{Hit, MAX_DIM};
use rayon::prelude::*;

use crate::codes::Codes;

/// Rows of a ranking that are compared.
pub(crate) const RANKS: usize = 10;
/// Far above the rounding of a sum of a few hundred f32 products of unit vectors.
const MARGIN: f32 = 1e-4;

type Ranking = Vec<(f32, u64)>;

/// The ten best rows of all blocks for each query, by f64 sums rounded once. Row ids count on from
/// block to block; every block has `per_block` rows.
pub(crate) fn rank(
    codes: &Codes,
    blocks: &[CellId],
    per_block: usize,
    queries: &[Vec<f32>],
) -> Vec<Ranking> {
    let dim = codes.dim.min(MAX_DIM);
    let width = queries.len().next_multiple_of(16);
    // Column j holds query j, so that the inner loop runs over queries.
    let mut columns = vec![0.0; dim * width];
    for (j, query) in queries.iter().enumerate() {
        for (d, value) in query.iter().enumerate() {
            columns[d * width + j] = *value;
        }
    }
    let scan = |mut best: Vec<Ranking>, (at, &block): (usize, &CellId)| {
        let rows = codes.block(block).fused(dim, codes.kappa);
        let mut scores = vec![0.0_f32; width];
        for (i, row) in rows.chunks_exact(dim).enumerate() {
            scores.fill(0.0);
            for (value, column) in row.iter().zip(columns.chunks_exact(width)) {
                for (s, c) in scores.iter_mut().zip(column) {
                    *s += value * c;
                }
            }
            let id = (at * per_block + i) as u64;
            for ((ranking, query), score) in best.iter_mut().zip(queries).zip(&scores) {
                let worst = ranking.get(RANKS - 1).map_or(f32::NEG_INFINITY, |r| r.0);
                if score + MARGIN >= worst {
                    insert(ranking, (dot(row, query) as f32, id));
                }
            }
        }
        best
    };
    let none = || vec![Ranking::new(); queries.len()];
    let merged = |mut a: Vec<Ranking>, b: Vec<Ranking>| {
        for (ours, theirs) in a.iter_mut().zip(b) {
            for row in theirs {
                insert(ours, row);
            }
        }
        a
    };
    blocks
        .par_iter()
        .enumerate()
        .fold(none, scan)
        .reduce(none, merged)
}

fn insert(ranking: &mut Ranking, row: (f32, u64)) {
    let before = |r: &(f32, u64)| row.0.total_cmp(&r.0).then(r.1.cmp(&row.1)).is_lt();
    let at = ranking.partition_point(before);
    if at < RANKS {
        ranking.insert(at, row);
        ranking.truncate(RANKS);
    }
}

/// The inner product, summed in f64.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| f64::from(*a) * f64::from(*b))
        .sum()
}

/// Whether a search answered the same rows: at every rank the same score up to the last digit of f32 (two
/// orders of summation), and the same row, or one that stands elsewhere in the ranking or ties with its
/// end.
pub(crate) fn same(hits: &[Hit], ranking: &[(f32, u64)]) -> bool {
    let close = |a: f32, b: f32| a.to_bits().abs_diff(b.to_bits()) <= 1;
    let Some(last) = ranking.last() else {
        return hits.is_empty();
    };
    let mut pairs = hits.iter().zip(ranking);
    hits.len() == ranking.len()
        && pairs.all(|(hit, row)| {
            let elsewhere = || ranking.iter().any(|r| r.1 == hit.id) || close(hit.score, last.0);
            close(hit.score, row.0) && (hit.id == row.1 || elsewhere())
        })
}
