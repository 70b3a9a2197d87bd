//! Which rows a batch is compared with.

use std::collections::BTreeSet;

use geoloc_geo_cells::CellId;

use super::record::mix;

/// The rows that stand in the softmax of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Candidates {
    /// All rows: exact, for small tables.
    All,
    /// The cells of the batch, their spatial neighbours, and rows drawn evenly from the others.
    ///
    /// Rows of the first two kinds are always in; each of the R others is in with probability k/R
    /// for k drawn, and its logit is raised by ln(R/k) (the log-Q correction), so that the expected
    /// sum of exponentials is that of all rows. With k ≥ R the loss is the exact one.
    Sampled {
        /// Rows drawn without replacement.
        uniform: usize,
        /// Rings of cells around each cell of the batch that are hard negatives: 0 for none, 1 for the
        /// cells that share an edge or a corner with it, and so on.
        rings: usize,
        /// Seed of the draw; give each step another, and the same again after a resume.
        seed: u64,
    },
}

/// Rows in ascending order, and what is added to their logits.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Chosen {
    pub(super) rows: Vec<usize>,
    pub(super) corrections: Vec<f32>,
}

/// The cells within `rings` steps of `cell` over edges and corners, at its level, without itself; across
/// the faces of the cube as well. One ring has 8 cells, 7 where a corner of the cube is near.
#[must_use]
pub fn spatial_neighbours(cell: CellId, rings: usize) -> BTreeSet<CellId> {
    let mut all = BTreeSet::from([cell]);
    let mut edge = all.clone();
    for _ in 0..rings {
        let next: BTreeSet<CellId> = edge.iter().flat_map(|&c| around(c)).collect();
        edge = next.difference(&all).copied().collect();
        all.extend(&edge);
    }
    all.remove(&cell);
    all
}

/// Cells that share an edge or a corner: a corner cell is next to two edge neighbours.
fn around(cell: CellId) -> BTreeSet<CellId> {
    let edges = cell.edge_neighbors();
    let mut out = BTreeSet::from(edges);
    for (k, &first) in edges.iter().enumerate() {
        let second = edges.get((k + 1) % 4).map_or(cell, |c| *c);
        let shared = second.edge_neighbors();
        out.extend(
            first
                .edge_neighbors()
                .into_iter()
                .filter(|c| shared.contains(c)),
        );
    }
    out.remove(&cell);
    out
}

/// Chooses rows of a table whose cells are `cells`.
pub(super) fn choose(cells: &[CellId], targets: &[usize], which: Candidates) -> Option<Chosen> {
    let Candidates::Sampled {
        uniform,
        rings,
        seed,
    } = which
    else {
        return None;
    };
    let batch: BTreeSet<usize> = targets.iter().copied().collect();
    let mut certain = batch.clone();
    for cell in batch.iter().filter_map(|&row| cells.get(row)) {
        let near = spatial_neighbours(*cell, rings);
        certain.extend(near.iter().filter_map(|c| cells.binary_search(c).ok()));
    }
    let others = cells.len() - certain.len();
    let mut drawn = BTreeSet::new();
    if uniform >= others {
        drawn.extend((0..cells.len()).filter(|row| !certain.contains(row)));
    } else {
        // Floyd's draw without replacement (Bentley and Floyd 1987) of ranks among the other rows.
        let certain: Vec<usize> = certain.iter().copied().collect();
        let mut ranks = BTreeSet::new();
        for (k, top) in (others - uniform..others).enumerate() {
            let bits = mix(mix(seed) ^ mix(k as u64 + 1));
            let rank = ((u128::from(bits) * (top as u128 + 1)) >> 64) as usize;
            if !ranks.insert(rank) {
                ranks.insert(top);
            }
        }
        drawn.extend(ranks.iter().map(|&rank| nth_free(&certain, rank)));
    }
    let raise = if drawn.is_empty() {
        0.0
    } else {
        (others as f64 / drawn.len() as f64).ln() as f32
    };
    let mut out = Chosen::default();
    for &row in certain.union(&drawn) {
        out.rows.push(row);
        out.corrections
            .push(if drawn.contains(&row) { raise } else { 0.0 });
    }
    Some(out)
}

/// The row of that rank among the rows that are not in the ascending list `taken`.
fn nth_free(taken: &[usize], rank: usize) -> usize {
    // Before taken[i] there are taken[i] - i free rows.
    let (mut low, mut high) = (0, taken.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if taken.get(middle).is_some_and(|t| t - middle <= rank) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    rank + low
}
