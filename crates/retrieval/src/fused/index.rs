//! Factored search: both parts scanned, the certificate over their sum.

use std::ops::Range;

use crate::certificate::QueryCode;
use crate::column::InMemory;
use crate::error::{Damage, MemoryError};
use crate::flat::{Collector, Feed, RowRef, Segment, encode_tiles, padded, tile_bytes};
use crate::kernels::{Kernel, Offsets, Scan, Sink, TILE_ROWS, dot64, scan_one};
use crate::row_table::RowTable;
use crate::suppress::{self, select};
use crate::{Hit, Hits, Query, Rows, SearchError, VectorIndex};

use super::{FusedError, FusedTable};

/// Tiles scanned before the offsets of the next are prepared.
const BLOCK_TILES: usize = 256;

/// Exact search over cell codes of two parts, with the weight of each free in every query.
///
/// The score of row i is `w_a a_i·q_a + w_p p_parent(i)·q_p` (plus biases of missing parts), rounded
/// once to f32. A query gives one vector for both parts or one for each, and optionally two weights,
/// aerial first: `Query::new(q).weights(&[1.0, kappa])`.
///
/// The prototypes are scanned first, which gives every row an offset `S_p ± E_p`; then the aerial codes,
/// `S_a ± E_a`. The sum lies in `(S_a + S_p) ± (E_a + E_p)`, so the argument of
/// [`FlatIndex`](crate::FlatIndex) holds for it as it stands, and the answer is exact. A quarter more
/// rows are read than in a fused table (one prototype for four cells), and none is stored twice.
#[derive(Debug)]
pub struct FusedIndex {
    dim: usize,
    kernel: Kernel,
    aerial: Segment,
    prototypes: Vec<f32>,
    prototype_tiles: crate::column::Column<u8>,
    /// Prototype of each row, in the order of the segment; `u32::MAX` for none.
    parents: Vec<u32>,
    /// Bias of each row, in the order of the segment; empty if there is none.
    biases: Vec<f32>,
}

impl FusedIndex {
    /// Codes both parts of a table.
    ///
    /// # Errors
    ///
    /// [`FusedError`] if the rows are refused.
    pub fn new(table: &FusedTable) -> Result<Self, FusedError> {
        let dim = table.dim;
        let mut rows = RowTable::new(dim)?;
        rows.add(&Rows::new(&table.aerial).with_places(&table.places), |_| {
            Ok(false)
        })?;
        let failed = |e: MemoryError| FusedError::Add(e.into());
        let aerial = Segment::build(&rows.slices(), &mut InMemory).map_err(failed)?;
        // Ids are positions in the table.
        let parent = |at: usize| {
            let id = aerial.store.ids.unchecked(at) as usize;
            let parent = table.parents.get(id).copied().flatten();
            parent.unwrap_or(u32::MAX)
        };
        let parents: Vec<u32> = (0..aerial.store.len).map(parent).collect();
        let mut biases = Vec::new();
        if table.missing_aerial != 0.0 || table.missing_prototype != 0.0 {
            let codes = aerial.store.rows.unchecked().chunks_exact(dim);
            biases = codes
                .zip(&parents)
                .map(|(code, &parent)| {
                    let no_code = code.iter().all(|&v| v == 0.0);
                    let aerial = if no_code { table.missing_aerial } else { 0.0 };
                    let none = parent == u32::MAX;
                    aerial + if none { table.missing_prototype } else { 0.0 }
                })
                .collect();
        }
        Ok(Self {
            dim,
            kernel: Kernel::detect(),
            prototype_tiles: encode_tiles(&table.prototypes, dim, &mut InMemory).map_err(failed)?,
            prototypes: table.prototypes.clone(),
            aerial,
            parents,
            biases,
        })
    }

    /// Uses another set of instructions, where the machine has it. Answers do not change.
    #[must_use]
    pub fn with_kernel(mut self, kernel: Kernel) -> Self {
        if kernel.is_available() {
            self.kernel = kernel;
        }
        self
    }

    /// The vectors of both parts, each times its weight.
    fn parts(&self, query: &Query) -> Result<[Vec<f32>; 2], SearchError> {
        query.check(self.dim)?;
        let count = |what, given| SearchError::Count {
            what,
            expected: 2,
            given,
        };
        let (aerial, prototype) = match query.vectors.as_slice() {
            [both] => (both, both),
            [aerial, prototype] => (aerial, prototype),
            other => return Err(count("vectors", other.len())),
        };
        let [wa, wp] = match query.weights.as_deref() {
            None => [1.0, 1.0],
            Some(&[wa, wp]) => [wa, wp],
            Some(other) => return Err(count("weights", other.len())),
        };
        let part =
            |vector: &[f32], weight: f32| Query::new(vector).weights(&[weight]).combined(self.dim);
        Ok([part(aerial, wa)?, part(prototype, wp)?])
    }

    /// The full-precision score of a row.
    fn score(&self, at: usize, row: &[f32], [aerial, prototype]: &[Vec<f32>; 2]) -> f32 {
        let mut total = dot64(row, aerial);
        let parent = self.parents.get(at).map_or(usize::MAX, |&p| p as usize);
        let start = parent.saturating_mul(self.dim);
        if let Some(p) = self.prototypes.get(start..start.saturating_add(self.dim)) {
            total += dot64(p, prototype);
        }
        if let Some(&bias) = self.biases.get(at) {
            total += f64::from(bias);
        }
        total as f32
    }

    /// The approximate scores of all prototypes.
    fn scan_prototypes(&self, vector: &[f32]) -> All {
        let size = self.prototype_tiles.unchecked().len() / tile_bytes(self.dim) * TILE_ROWS;
        let mut all = All {
            score: vec![0.0; size],
            slack: vec![0.0; size],
        };
        let scan = Scan {
            tiles: self.prototype_tiles.unchecked(),
            padded: padded(self.dim),
            first_row: 0,
            offsets: None,
        };
        scan_one(
            self.kernel,
            &scan,
            &QueryCode::new(vector, self.kernel),
            &mut all,
        );
        all
    }

    /// What the prototypes and biases add to the rows of some tiles.
    fn offsets(&self, rows: Range<usize>, prototypes: &All, out: &mut All) {
        out.score.clear();
        out.slack.clear();
        let parents = self.parents.get(rows.clone()).unwrap_or(&[]);
        for &parent in parents {
            let of = |column: &[f32]| column.get(parent as usize).copied().unwrap_or(0.0);
            out.score.push(of(&prototypes.score));
            // One more sum is rounded: 2^-21 of it is ample.
            out.slack
                .push(of(&prototypes.slack) + of(&prototypes.score).abs() * 4.8e-7);
        }
        let biases = self.biases.get(rows).unwrap_or(&[]);
        for ((score, slack), bias) in out.score.iter_mut().zip(&mut out.slack).zip(biases) {
            *score += bias;
            *slack += (score.abs() + bias.abs()) * 4.8e-7;
        }
        let whole = parents.len().next_multiple_of(TILE_ROWS);
        out.score.resize(whole, 0.0);
        out.slack.resize(whole, 0.0);
    }

    fn ranking(
        &self,
        query: &Query,
        parts: &[Vec<f32>; 2],
        k: usize,
    ) -> Result<(Vec<Hit>, usize), Damage> {
        let store = &self.aerial.store;
        let prototypes = self.scan_prototypes(&parts[1]);
        let code = QueryCode::new(&parts[0], self.kernel);
        let mut collector = Collector::new(k);
        let mut offsets = All::default();
        let ranges = match &query.region {
            None => std::iter::once(0..store.len).collect(),
            Some(region) => self.aerial.positions(region)?,
        };
        let keep = |at: usize| match &query.region {
            Some(region) if region.shape.is_some() => store
                .place(at)
                .is_ok_and(|p| p.is_some_and(|p| region.contains(&p))),
            _ => true,
        };
        let size = tile_bytes(self.dim);
        for range in ranges {
            let tiles = range.start / TILE_ROWS..range.end.div_ceil(TILE_ROWS);
            for start in tiles.clone().step_by(BLOCK_TILES) {
                let end = (start + BLOCK_TILES).min(tiles.end);
                let rows = start * TILE_ROWS..(end * TILE_ROWS).min(store.len);
                self.offsets(rows, &prototypes, &mut offsets);
                let scan = Scan {
                    tiles: self.aerial.tiles.get(start * size..end * size)?,
                    padded: padded(self.dim),
                    first_row: start * TILE_ROWS,
                    offsets: Some(Offsets {
                        score: &offsets.score,
                        slack: &offsets.slack,
                    }),
                };
                let mut feed = Feed {
                    collector: &mut collector,
                    segment: 0,
                    range: range.clone(),
                    dead: &store.dead,
                    keep: query.region.is_some().then_some(&keep),
                };
                scan_one(self.kernel, &scan, &code, &mut feed);
            }
        }
        let (rows, reranked) = collector.finish(
            |row: RowRef| Ok((store.id(row.at as usize)?, store.row(row.at as usize)?)),
            |row, values| Ok(self.score(row.at as usize, values, parts)),
        )?;
        let mut hits = Vec::with_capacity(rows.len());
        for row in rows {
            hits.push(Hit {
                id: row.id,
                score: row.score,
                place: store.place(row.item.at as usize)?,
            });
        }
        Ok((hits, reranked))
    }
}

impl VectorIndex for FusedIndex {
    fn dim(&self) -> usize {
        self.dim
    }

    fn len(&self) -> usize {
        self.aerial.store.len
    }

    fn search(&self, query: &Query) -> Result<Hits, SearchError> {
        let parts = self.parts(query)?;
        if query.prior.is_some() {
            return Err(SearchError::Unsupported {
                engine: "a fused index",
                feature: "priors",
            });
        }
        select(query, |k| {
            let (hits, reranked) = self.ranking(query, &parts, k.min(self.len()).max(1))?;
            Ok(suppress::Ranked {
                complete: hits.len() < k,
                hits,
                reranked,
                exact: true,
            })
        })
    }
}

/// Approximate scores and slacks of all rows of a scan.
#[derive(Debug, Default)]
struct All {
    score: Vec<f32>,
    slack: Vec<f32>,
}

impl Sink for All {
    fn floor(&self) -> f32 {
        f32::NEG_INFINITY
    }

    fn take(&mut self, first_row: usize, _: u32, score: &[f32; 16], slack: &[f32; 16]) {
        for (column, values) in [(&mut self.score, score), (&mut self.slack, slack)] {
            if let Some(place) = column.get_mut(first_row..first_row + TILE_ROWS) {
                place.copy_from_slice(values);
            }
        }
    }
}
