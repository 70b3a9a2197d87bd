//! What survives a scan: rows whose upper bound reaches the k-th best lower bound.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use crate::error::Damage;
use crate::kernels::{Sink, prefetch};
use crate::top_k::{Ranked, TopK};

use crate::tombstones::Tombstones;

/// Rows asked for ahead of the one being scored: they lie anywhere in memory.
const PREFETCH_ROWS: usize = 6;

/// f32 in total order.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Total(f32);

impl Eq for Total {}

impl PartialOrd for Total {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Total {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Where a row is: its segment and its position there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowRef {
    pub(crate) segment: u32,
    pub(crate) at: u32,
}

/// A row that may be among the best.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    upper: f32,
    row: RowRef,
}

/// The candidates of one query, over any number of segments.
#[derive(Debug)]
pub(crate) struct Collector {
    k: usize,
    /// The k best lower bounds, the least on top.
    lower: BinaryHeap<Reverse<Total>>,
    floor: f32,
    candidates: Vec<Candidate>,
    prune_at: usize,
}

impl Collector {
    pub(crate) fn new(k: usize) -> Self {
        Self {
            k,
            lower: BinaryHeap::with_capacity(k.min(1024) + 1),
            floor: f32::NEG_INFINITY,
            candidates: Vec::new(),
            prune_at: 8192,
        }
    }

    pub(crate) fn push(&mut self, row: RowRef, score: f32, slack: f32) {
        let upper = score + slack;
        if upper < self.floor {
            return;
        }
        self.candidates.push(Candidate { upper, row });
        let lower = score - slack;
        if self.lower.len() < self.k {
            self.lower.push(Reverse(Total(lower)));
        } else if lower > self.floor
            && let Some(mut least) = self.lower.peek_mut()
        {
            *least = Reverse(Total(lower));
        }
        if self.lower.len() == self.k {
            self.floor = self.lower.peek().map_or(self.floor, |least| least.0.0);
        }
        if self.candidates.len() >= self.prune_at {
            let floor = self.floor;
            self.candidates.retain(|c| c.upper >= floor);
            self.prune_at = (2 * self.candidates.len()).max(8192);
        }
    }

    /// Scores candidates from the highest upper bound down, until no bound reaches the k-th best
    /// score. Answers the best rows and how many were scored.
    pub(crate) fn finish<'a>(
        mut self,
        row: impl Fn(RowRef) -> Result<(u64, &'a [f32]), Damage>,
        score: impl Fn(RowRef, &[f32]) -> Result<f32, Damage>,
    ) -> Result<(Vec<Ranked<RowRef>>, usize), Damage> {
        let floor = self.floor;
        self.candidates.retain(|c| c.upper >= floor);
        self.candidates
            .sort_unstable_by(|a, b| b.upper.total_cmp(&a.upper));
        let mut best = TopK::new(self.k);
        let mut scored = 0;
        for (i, candidate) in self.candidates.iter().enumerate() {
            if candidate.upper < best.floor() {
                break;
            }
            if let Some(soon) = self.candidates.get(i + PREFETCH_ROWS)
                && soon.upper >= best.floor()
            {
                prefetch(row(soon.row)?.1);
            }
            let (id, values) = row(candidate.row)?;
            best.push(score(candidate.row, values)?, id, candidate.row);
            scored += 1;
        }
        Ok((best.into_sorted(), scored))
    }
}

/// Feeds a collector from one range of rows of one segment.
pub(crate) struct Feed<'a> {
    pub(crate) collector: &'a mut Collector,
    pub(crate) segment: u32,
    pub(crate) range: Range<usize>,
    pub(crate) dead: &'a Tombstones,
    /// A further condition on the position.
    pub(crate) keep: Option<&'a (dyn Fn(usize) -> bool + Sync)>,
}

impl Sink for Feed<'_> {
    fn floor(&self) -> f32 {
        self.collector.floor
    }

    fn take(&mut self, first_row: usize, lanes: u32, score: &[f32; 16], slack: &[f32; 16]) {
        let mut lanes = lanes;
        while lanes != 0 {
            let lane = lanes.trailing_zeros() as usize;
            lanes &= lanes - 1;
            let at = first_row + lane;
            let kept = self.range.contains(&at)
                && !self.dead.contains(at)
                && self.keep.is_none_or(|keep| keep(at));
            if let (true, Some(&score), Some(&slack)) = (kept, score.get(lane), slack.get(lane)) {
                let row = RowRef {
                    segment: self.segment,
                    at: at as u32,
                };
                self.collector.push(row, score, slack);
            }
        }
    }
}
