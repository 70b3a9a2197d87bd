//! The rows with the best estimated scores.

use std::cmp::Ordering;
use std::ops::Range;

use crate::flat::RowRef;
use crate::kernels::Sink;
use crate::tombstones::Tombstones;

/// Rows gathered beyond those kept before the worst are dropped.
const SPARE: usize = 64;

/// The best rows by estimated score, gathered without order: sorting out the worst now and then is
/// cheaper than a heap. Ties go to the smaller position.
#[derive(Debug, Default)]
pub(super) struct Estimates {
    keep: usize,
    rows: Vec<(f32, RowRef)>,
    floor: f32,
}

impl Estimates {
    pub(super) fn new(keep: usize) -> Self {
        Self {
            keep,
            rows: Vec::with_capacity(keep.min(4096) + SPARE),
            floor: f32::NEG_INFINITY,
        }
    }

    fn push(&mut self, score: f32, row: RowRef) {
        if score < self.floor {
            return;
        }
        self.rows.push((score, row));
        if self.rows.len() >= self.keep.saturating_add(SPARE.max(self.keep / 2)) {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        if self.rows.len() > self.keep && self.keep > 0 {
            let (_, last, _) = self.rows.select_nth_unstable_by(self.keep - 1, better);
            self.floor = last.0;
            self.rows.truncate(self.keep);
        }
    }

    /// Best first.
    pub(super) fn into_sorted(mut self) -> Vec<RowRef> {
        self.shrink();
        self.rows.sort_unstable_by(better);
        self.rows.into_iter().map(|(_, row)| row).collect()
    }
}

fn better(a: &(f32, RowRef), b: &(f32, RowRef)) -> Ordering {
    let place = |row: &RowRef| (row.segment, row.at);
    b.0.total_cmp(&a.0).then(place(&a.1).cmp(&place(&b.1)))
}

/// Feeds the estimates of one query from one range of rows of one segment.
pub(super) struct EstimateFeed<'a> {
    pub(super) estimates: Estimates,
    pub(super) segment: u32,
    pub(super) rows: Range<usize>,
    pub(super) dead: &'a Tombstones,
    /// A further condition on the position.
    pub(super) keep: Option<&'a dyn Fn(usize) -> bool>,
    /// A term to add to each row's score, from the first row of the scan on; empty for none.
    pub(super) terms: &'a [f32],
    pub(super) first_row: usize,
    /// The largest of the terms, 0 if there are none.
    pub(super) largest_term: f32,
}

impl Sink for EstimateFeed<'_> {
    fn floor(&self) -> f32 {
        self.estimates.floor - self.largest_term
    }

    fn take(&mut self, first_row: usize, lanes: u32, score: &[f32; 16], _: &[f32; 16]) {
        let mut lanes = lanes;
        while lanes != 0 {
            let lane = lanes.trailing_zeros() as usize;
            lanes &= lanes - 1;
            let at = first_row + lane;
            let kept = self.rows.contains(&at)
                && !self.dead.contains(at)
                && self.keep.is_none_or(|keep| keep(at));
            if let (true, Some(&score)) = (kept, score.get(lane)) {
                // Without a prior there are no terms.
                let term = self.terms.get(at - self.first_row).copied();
                let row = RowRef {
                    segment: self.segment,
                    at: at as u32,
                };
                self.estimates.push(score + term.unwrap_or(0.0), row);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_kept_whatever_the_order() {
        for keep in [1, 3, 70, 500, usize::MAX] {
            let mut estimates = Estimates::new(keep);
            let score = |at: u32| (at.wrapping_mul(2_654_435_761) >> 20) as f32 % 97.0;
            let row = |at| RowRef { segment: 0, at };
            for at in 0..2000 {
                estimates.push(score(at), row(at));
            }
            let mut expected: Vec<(f32, RowRef)> =
                (0..2000).map(|at| (score(at), row(at))).collect();
            expected.sort_by(better);
            let expected: Vec<RowRef> = expected.into_iter().take(keep).map(|r| r.1).collect();
            assert_eq!(estimates.into_sorted(), expected);
        }
    }
}
