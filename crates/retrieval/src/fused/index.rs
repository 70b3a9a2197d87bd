//! Factored search: both parts scanned, the certificate over their sum.

use crate::certificate::QueryCode;
use crate::column::{Column, InMemory, Room};
use crate::error::{Damage, MemoryError};
use crate::flat::{Collector, Feed, RowRef, Segment, encode_tiles, padded, tile_bytes};
use crate::kernels::{Kernel, Scan, TILE_ROWS, dot64, scan_one};
use crate::row_table::RowTable;
use crate::suppress::{self, select};
use crate::{Hit, Hits, Query, Rows, SearchError, VectorIndex};

use super::offsets::{RowOffsets, Terms};
use super::{FusedError, FusedTable};

/// Tiles scanned before the offsets of the next are prepared.
const BLOCK_TILES: usize = 256;

/// Exact search over cell codes of two parts, with the weight of each free in every query.
///
/// The score of row i is `w_a a_i·q_a + w_p p_parent(i)·q_p` (plus biases of missing parts): `w_a q_a` and
/// `w_p q_p` are rounded to f32, both inner products summed in f64 as in [`VectorIndex`], then added, then the
/// biases (their sum in f32) and the prior, and the whole rounded once to f32. A query gives one vector for both parts or one for each, and optionally two weights,
/// aerial first: `Query::new(q).weights(&[1.0, kappa])`.
///
/// The prototypes are scanned first, which gives every row an offset `S_p ± E_p`; then the aerial codes,
/// `S_a ± E_a`. The sum lies in `(S_a + S_p) ± (E_a + E_p)`, so the argument of
/// [`FlatIndex`](crate::FlatIndex) holds for it as it stands, and the answer is exact. A quarter more
/// rows are read than in a fused table (one prototype for four cells), and none is stored twice. Regions,
/// priors and selections are certified likewise.
#[derive(Debug)]
pub struct FusedIndex {
    pub(super) dim: usize,
    pub(super) kernel: Kernel,
    pub(super) aerial: Segment,
    /// `[m, dim]`.
    pub(super) prototypes: Column<f32>,
    pub(super) prototype_tiles: Column<u8>,
    /// Prototype of each row, in the order of the segment; `u32::MAX` for none.
    pub(super) parents: Column<u32>,
    /// Bias of each row, in the order of the segment; empty if there is none.
    pub(super) biases: Column<f32>,
    pub(super) embedding: Option<String>,
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
            // The number that stands for none.
            table.parents[id].unwrap_or(u32::MAX)
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
        let room: &mut dyn Room = &mut InMemory;
        let (values, dim) = (&table.prototypes, table.dim);
        Ok(Self {
            dim,
            kernel: Kernel::detect(),
            prototype_tiles: encode_tiles(values, dim, room).map_err(failed)?,
            prototypes: Column::copied(values, "prototypes", room).map_err(failed)?,
            aerial,
            parents: Column::copied(&parents, "parents", room).map_err(failed)?,
            biases: Column::copied(&biases, "biases", room).map_err(failed)?,
            embedding: None,
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

    /// Names what made the vectors, for instance by the hash of a model; the name is kept in the file.
    #[must_use]
    pub fn with_embedding(mut self, name: &str) -> Self {
        self.embedding = Some(name.to_owned());
        self
    }

    /// What made the vectors, if it was named.
    #[must_use]
    pub fn embedding(&self) -> Option<&str> {
        self.embedding.as_deref()
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
    fn score(
        &self,
        query: &Query,
        at: usize,
        row: &[f32],
        [aerial, prototype]: &[Vec<f32>; 2],
    ) -> Result<f32, Damage> {
        let mut total = dot64(row, aerial);
        let parent = self.parents.at(at)?;
        if parent != u32::MAX {
            let start = (parent as usize).saturating_mul(self.dim);
            let values = self.prototypes.get(start..start.saturating_add(self.dim))?;
            total += dot64(values, prototype);
        }
        if self.biases.size() > 0 {
            total += f64::from(self.biases.at(at)?);
        }
        let cell = match query.prior {
            Some(_) => self.aerial.store.cells.at(at)?,
            None => 0,
        };
        Ok(query.total(total, cell))
    }

    /// The approximate scores of all prototypes, each with its slack: the terms of the rows under them.
    fn scan_prototypes(&self, vector: &[f32]) -> Result<Terms, Damage> {
        let tiles = self.prototype_tiles.all()?;
        let size = tiles.len() / tile_bytes(self.dim) * TILE_ROWS;
        let mut terms = Terms(vec![[0.0; 2]; size]);
        let scan = Scan {
            tiles,
            padded: padded(self.dim),
            first_row: 0,
            offsets: None,
        };
        let code = QueryCode::new(vector, self.kernel);
        scan_one(self.kernel, &scan, code.asked(), &mut terms);
        Ok(terms)
    }

    fn ranking(
        &self,
        query: &Query,
        parts: &[Vec<f32>; 2],
        k: usize,
    ) -> Result<(Vec<Hit>, usize), Damage> {
        let store = &self.aerial.store;
        let prototypes = self.scan_prototypes(&parts[1])?;
        let code = QueryCode::new(&parts[0], self.kernel);
        let mut collector = Collector::new(k);
        let mut offsets = RowOffsets::default();
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
        for range in ranges {
            let tiles = range.start / TILE_ROWS..range.end.div_ceil(TILE_ROWS);
            for start in tiles.clone().step_by(BLOCK_TILES) {
                let end = (start + BLOCK_TILES).min(tiles.end);
                let rows = start * TILE_ROWS..(end * TILE_ROWS).min(store.len);
                let offsets = offsets.of(self, query, rows, &prototypes)?;
                let mut feed = Feed {
                    collector: &mut collector,
                    segment: 0,
                    range: range.clone(),
                    dead: &store.dead,
                    keep: query.region.is_some().then_some(&keep),
                };
                let asked = (self.kernel, code.asked());
                let aerial = &self.aerial.tiles;
                aerial.scan(self.dim, &(start..end), Some(offsets), asked, &mut feed)?;
            }
        }
        let (rows, reranked) = collector.finish(
            |row: RowRef| Ok((store.id(row.at as usize)?, store.row(row.at as usize)?)),
            |row, values| self.score(query, row.at as usize, values, parts),
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

impl FusedIndex {
    /// Number of rows that a search can answer with (removed rows do not count).
    #[must_use]
    pub fn len(&self) -> usize {
        self.aerial.store.live()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl VectorIndex for FusedIndex {
    fn dim(&self) -> usize {
        self.dim
    }

    fn count(&self) -> Result<usize, SearchError> {
        Ok(self.len())
    }

    fn search(&self, query: &Query) -> Result<Hits, SearchError> {
        let parts = self.parts(query)?;
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
