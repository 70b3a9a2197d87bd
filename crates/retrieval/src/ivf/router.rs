//! Centroids on the sphere, and the lists nearest to a vector.

use rayon::prelude::*;

use crate::certificate::{Asked, QueryCode};
use crate::column::{Column, InMemory, Room};
use crate::error::MemoryError;
use crate::flat::{encode_tiles, padded};
use crate::kernels::{GROUP, Kernel, Scan, Sink, scan_group};
use crate::row_reader::RowReader;
use crate::row_table::RowSlices;
use crate::top_k::TopK;

/// Rows assigned together.
const BLOCK: usize = 512;

/// Unit centroids, as int8 tiles. Routing is by inner product with them (spherical k-means, Dhillon
/// and Modha 2001), which finds more neighbours per list than Euclidean k-means does.
#[derive(Debug)]
pub(crate) struct Router {
    pub(crate) dim: usize,
    pub(crate) lists: usize,
    pub(crate) tiles: Column<u8>,
}

impl Router {
    fn of(centroids: &[f32], dim: usize, room: &mut dyn Room) -> Result<Self, MemoryError> {
        Ok(Self {
            dim,
            lists: centroids.len() / dim,
            tiles: encode_tiles(centroids, dim, room)?,
        })
    }

    /// No lists: nothing is sealed yet.
    pub(crate) fn empty(dim: usize) -> Self {
        Self {
            dim,
            lists: 0,
            tiles: Column::empty(),
        }
    }

    /// The directions of the means of given groups.
    pub(crate) fn around(
        source: &RowSlices<'_>,
        owners: &[u32],
        lists: usize,
        room: &mut dyn Room,
    ) -> Result<Self, MemoryError> {
        let dim = source.dim;
        let mut sums = vec![0f64; lists * dim];
        let mut reader = RowReader::new(source);
        for (at, &owner) in owners.iter().enumerate() {
            let owner = owner as usize;
            if let Some(sum) = sums.get_mut(owner * dim..(owner + 1) * dim) {
                let row = reader.row(at);
                sum.iter_mut()
                    .zip(row)
                    .for_each(|(s, &v)| *s += f64::from(v));
            }
        }
        let mut centroids = Vec::with_capacity(sums.len());
        for sum in sums.chunks_exact(dim) {
            let norm = sum.iter().map(|v| v * v).sum::<f64>().sqrt();
            let norm = norm.max(f64::MIN_POSITIVE);
            centroids.extend(sum.iter().map(|s| (s / norm) as f32));
        }
        normalise_rows(&mut centroids, dim);
        Self::of(&centroids, dim, room)
    }

    /// Spherical k-means over a sample of rows, `[n, dim]`; deterministic.
    pub(crate) fn train(
        sample: &[f32],
        dim: usize,
        lists: usize,
        rounds: usize,
        kernel: Kernel,
        room: &mut dyn Room,
    ) -> Result<Self, MemoryError> {
        let n = sample.len() / dim;
        let row = |at: usize| &sample[at * dim..(at + 1) * dim];
        let mut centroids: Vec<f32> = Vec::with_capacity(lists * dim);
        for list in 0..lists {
            centroids.extend_from_slice(row(list * n / lists));
        }
        normalise_rows(&mut centroids, dim);
        for round in 0..rounds {
            let owners = Self::of(&centroids, dim, &mut InMemory)?.assign(sample, kernel);
            let mut sums = vec![0f64; lists * dim];
            let mut counts = vec![0usize; lists];
            for (x, &owner) in sample.chunks_exact(dim).zip(&owners) {
                let at = owner as usize;
                if let (Some(sum), Some(count)) =
                    (sums.get_mut(at * dim..(at + 1) * dim), counts.get_mut(at))
                {
                    *count += 1;
                    sum.iter_mut().zip(x).for_each(|(s, &v)| *s += f64::from(v));
                }
            }
            let parts = centroids.chunks_exact_mut(dim).zip(sums.chunks_exact(dim));
            for (list, ((centroid, sum), count)) in parts.zip(counts).enumerate() {
                if count == 0 {
                    // An empty list starts again from some row.
                    centroid.copy_from_slice(row((list * 7919 + round * 104_729 + 13) % n));
                    continue;
                }
                let norm = sum
                    .iter()
                    .map(|v| v * v)
                    .sum::<f64>()
                    .sqrt()
                    .max(f64::MIN_POSITIVE);
                for (c, s) in centroid.iter_mut().zip(sum) {
                    *c = (s / norm) as f32;
                }
            }
            normalise_rows(&mut centroids, dim);
        }
        Self::of(&centroids, dim, room)
    }

    fn scan(&self) -> Scan<'_> {
        Scan {
            tiles: self.tiles.unchecked(),
            padded: padded(self.dim),
            first_row: 0,
            offsets: None,
        }
    }

    /// The list of each row, by the approximate inner product.
    pub(crate) fn assign(&self, rows: &[f32], kernel: Kernel) -> Vec<u32> {
        let blocks: Vec<Vec<u32>> = rows
            .par_chunks(BLOCK * self.dim)
            .map(|block| {
                let codes: Vec<QueryCode> = block
                    .chunks_exact(self.dim)
                    .map(|row| QueryCode::one_plane(row, kernel))
                    .collect();
                let codes: Vec<Asked<'_>> = codes.iter().map(QueryCode::asked).collect();
                let mut nearest = vec![Nearest::new(self.lists); codes.len()];
                for (codes, nearest) in codes.chunks(GROUP).zip(nearest.chunks_mut(GROUP)) {
                    scan_group(kernel, &self.scan(), codes, nearest);
                }
                nearest.into_iter().map(|n| n.list).collect()
            })
            .collect();
        blocks.concat()
    }

    /// The nearest lists of each query, nearest first: as many as `counts` says. Codes have one plane.
    pub(crate) fn route(
        &self,
        codes: &[QueryCode],
        counts: impl Iterator<Item = usize>,
        kernel: Kernel,
    ) -> Vec<Vec<u32>> {
        let asked: Vec<Asked<'_>> = codes.iter().map(QueryCode::asked).collect();
        let mut ranked: Vec<RankedLists> = counts
            .map(|count| RankedLists {
                best: TopK::new(count),
                lists: self.lists,
            })
            .collect();
        for (asked, ranked) in asked.chunks(GROUP).zip(ranked.chunks_mut(GROUP)) {
            scan_group(kernel, &self.scan(), asked, ranked);
        }
        let lists = |one: RankedLists| one.best.into_sorted().iter().map(|r| r.id as u32).collect();
        ranked.into_iter().map(lists).collect()
    }
}

fn normalise_rows(rows: &mut [f32], dim: usize) {
    for row in rows.chunks_exact_mut(dim) {
        let norm = row
            .iter()
            .map(|&v| f64::from(v).powi(2))
            .sum::<f64>()
            .sqrt();
        if norm > 0.0 {
            for v in row {
                *v = (f64::from(*v) / norm) as f32;
            }
        }
    }
}

/// The best list of one row.
#[derive(Debug, Clone)]
struct Nearest {
    best: f32,
    list: u32,
    lists: usize,
}

impl Nearest {
    fn new(lists: usize) -> Self {
        Self {
            best: f32::NEG_INFINITY,
            list: 0,
            lists,
        }
    }
}

impl Sink for Nearest {
    fn floor(&self) -> f32 {
        self.best
    }

    fn take(&mut self, first_row: usize, lanes: u32, score: &[f32; 16], _: &[f32; 16]) {
        for (lane, &s) in score.iter().enumerate() {
            let at = first_row + lane;
            if lanes >> lane & 1 == 1 && at < self.lists && s > self.best {
                (self.best, self.list) = (s, at as u32);
            }
        }
    }
}

struct RankedLists {
    best: TopK<()>,
    lists: usize,
}

impl Sink for RankedLists {
    fn floor(&self) -> f32 {
        self.best.floor()
    }

    fn take(&mut self, first_row: usize, lanes: u32, score: &[f32; 16], _: &[f32; 16]) {
        for (lane, &s) in score.iter().enumerate() {
            let at = first_row + lane;
            if lanes >> lane & 1 == 1 && at < self.lists && s >= self.best.floor() {
                self.best.push(s, at as u64, ());
            }
        }
    }
}
