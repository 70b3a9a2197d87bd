//! The certified exact index.

use std::ops::Range;

use geoloc_geo_cells::LatLng;

use crate::certificate::QueryCode;
use crate::column::InMemory;
use crate::error::Damage;
use crate::kernels::{GROUP, Kernel, Offsets, Scan, TILE_ROWS, dot64, scan_group, scan_one};
use crate::row_store::RowStore;
use crate::row_table::{MAX_ROWS, RowTable};
use crate::suppress::{self, select};
use crate::top_k::Ranked;
use crate::{AddError, Hit, Hits, Query, Rows, SearchError, VectorIndex, VectorIndexMut};

use super::collector::{Collector, Feed, RowRef};
use super::file::Origin;
use super::segment::{Segment, padded, tile_bytes};

/// Bytes of tiles scanned for one query before the next.
const SINGLE_BLOCK: usize = 2 << 20;
/// Bytes of tiles that stay in the second-level cache while all queries of a batch pass over them.
const BATCH_BLOCK: usize = 384 << 10;
/// The unsealed rows are segment number `HEAD`.
const HEAD: u32 = u32::MAX;

/// Exact search: the answer is what scoring every row in full precision gives, at the price of
/// reading one byte per value.
///
/// # How
///
/// [`seal`](VectorIndexMut::seal) sorts the rows by S2 id and codes each into 8-bit integers. A search
/// scans the codes, keeps every row that could be among the best, and scores those rows (a dozen or
/// so) from their f32 values. A region is a few contiguous ranges of rows, and only those are read.
/// Rows not yet sealed are scored in full.
///
/// # Why it is exact
///
/// A row is stored as `x = s ξ + e`: integers ξ in ±127, a scale s, and the rest e, of which the norm
/// |e| is kept (rounded up), as is |x|. The query is coded likewise as `q = q̂ + f`, where q̂ is a sum of
/// one or two integer vectors with scales. Then
///
/// ```text
/// x·q = s ξ·q̂ + e·q̂ + x·f
/// |x·q − s ξ·q̂| ≤ |e| |q̂| + |x| |f|              (Cauchy and Schwarz, twice)
///               ≤ |e| (|q| + |f|) + |x| |f| =: B
/// ```
///
/// ξ·q̂ is computed in integers, without error. Turning it into a score takes fewer than 20 roundings
/// to f32, each of at most 2^-24 of a quantity that is at most 2|x||q|, and the full-precision score
/// is one rounding away from x·q; 2^-19 |x||q| covers them all, and an absolute 2^-120 covers results
/// below the normal numbers. So with `S` the approximate score and `E = B + 2^-19 |x||q| + 2^-120`, the
/// full-precision score lies in `[S − E, S + E]`.
///
/// Let L be the k-th largest lower bound `S − E` among the rows seen. At least k rows score L or more,
/// so a row with `S + E < L` scores strictly less than the k-th best and cannot be in the answer, not
/// even through a tie. The scan keeps the others; they are scored in full in descending order of upper
/// bound, until the bound falls below the k-th best score found. What was not scored is again strictly
/// worse. Ties are broken by id among rows that were scored. Hence the answer is the exact one.
///
/// # Examples
///
/// ```
/// use geoloc_retrieval::{FlatIndex, Query, Rows, VectorIndex, VectorIndexMut};
///
/// let mut index = FlatIndex::new(3)?;
/// index.add(&Rows::new(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]))?;
/// index.seal()?;
/// index.add(&Rows::new(&[0.0, 0.8, 0.6]))?;
/// let hits = index.search(&Query::new(&[0.0, 1.0, 0.0]).k(2))?;
/// assert_eq!(hits.ids(), [1, 2]);
/// assert_eq!(hits.scores(), [1.0, 0.8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FlatIndex {
    pub(super) dim: usize,
    kernel: Kernel,
    pub(super) segments: Vec<Segment>,
    pub(super) head: RowTable,
    /// The file that holds the segments.
    pub(super) origin: Option<Origin>,
}

impl FlatIndex {
    /// An empty index.
    ///
    /// # Errors
    ///
    /// [`AddError::Dim`] if `dim` is not in 1 to [`MAX_DIM`](crate::MAX_DIM).
    pub fn new(dim: usize) -> Result<Self, AddError> {
        Ok(Self {
            dim,
            kernel: Kernel::detect(),
            segments: Vec::new(),
            head: RowTable::new(dim)?,
            origin: None,
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

    /// The instructions in use.
    #[must_use]
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Bytes of the scanned part (codes, scales, bounds and ids), without the f32 rows and places.
    #[must_use]
    pub fn code_bytes(&self) -> usize {
        let of = |s: &Segment| s.tiles.size() + s.store.ids.size();
        self.segments.iter().map(of).sum()
    }

    /// Merges all segments into one and drops removed rows.
    ///
    /// # Errors
    ///
    /// [`AddError`] if memory runs out or a mapped file is damaged; the index is unchanged then.
    pub fn compact(&mut self) -> Result<(), AddError> {
        let live: usize = self.segments.iter().map(|s| s.store.live()).sum();
        if live + self.head.len() > MAX_ROWS {
            return Err(AddError::Full { max: MAX_ROWS });
        }
        let mut all = self.head.clone();
        for segment in &self.segments {
            segment.store.copy_into(&mut all)?;
        }
        let merged = Segment::build(&all.slices(), &mut InMemory)?;
        self.segments = if merged.store.len == 0 {
            Vec::new()
        } else {
            vec![merged]
        };
        self.head.clear();
        self.origin = None;
        Ok(())
    }

    fn check_places(&self, query: &Query) -> Result<(), SearchError> {
        let unplaced: usize = self.segments.iter().map(|s| s.store.unplaced).sum();
        if query.needs_places() && (unplaced > 0 || !self.head.all_placed()) {
            return Err(SearchError::NoPlaces);
        }
        Ok(())
    }

    /// The ranges of rows that a query looks at in one segment.
    fn ranges(segment: &Segment, query: &Query) -> Result<Vec<Range<usize>>, Damage> {
        match &query.region {
            None => Ok(std::iter::once(0..segment.store.len).collect()),
            Some(region) => segment.positions(region),
        }
    }

    /// Scores the unsealed rows.
    fn scan_head(&self, query: &Query, vector: &[f32], collector: &mut Collector) {
        for (at, score) in self.head.scored(query, vector) {
            let row = RowRef {
                segment: HEAD,
                at: at as u32,
            };
            collector.push(row, score, 0.0);
        }
    }

    /// Scans the sealed rows for one query.
    fn scan_segments(
        &self,
        query: &Query,
        code: &QueryCode,
        collector: &mut Collector,
    ) -> Result<(), Damage> {
        let shape = query.region.as_ref().and_then(|r| r.shape.as_ref());
        let mut prior = PriorTerms::default();
        for (number, segment) in self.segments.iter().enumerate() {
            for range in Self::ranges(segment, query)? {
                // Checked here, so that the scan can look at single rows.
                let columns = match shape {
                    Some(_) => segment.store.locations.get(range.clone())?,
                    None => &[],
                };
                let keep = |at: usize| {
                    let location = columns.get(at - range.start);
                    let p = location.and_then(|&[lat, lng]| LatLng::new(lat, lng).ok());
                    shape.is_none_or(|shape| p.is_some_and(|p| shape.contains(p)))
                };
                for block in blocks(&range, self.dim, SINGLE_BLOCK) {
                    let mut scan = scan_of(segment, &block)?;
                    scan.offsets = prior.of(query, &segment.store, &block)?;
                    let mut feed = Feed {
                        collector,
                        segment: number as u32,
                        range: range.clone(),
                        dead: &segment.store.dead,
                        keep: shape.is_some().then_some(&keep),
                    };
                    scan_one(self.kernel, &scan, code, &mut feed);
                }
            }
        }
        Ok(())
    }

    fn finish(
        &self,
        collector: Collector,
        query: &Query,
        vector: &[f32],
    ) -> Result<(Vec<Hit>, usize), Damage> {
        let (rows, reranked) = collector.finish(
            |row| match self.segments.get(row.segment as usize) {
                Some(Segment { store, .. }) => {
                    Ok((store.id(row.at as usize)?, store.row(row.at as usize)?))
                }
                None => Ok((
                    self.head.id(row.at as usize),
                    self.head.row(row.at as usize),
                )),
            },
            |row, values| {
                let at = row.at as usize;
                let cell = match self.segments.get(row.segment as usize) {
                    _ if query.prior.is_none() => 0,
                    Some(segment) => segment.store.cells.at(at)?.unwrap_or(0),
                    None => self.head.cell(at),
                };
                Ok(query.total(dot64(values, vector), cell))
            },
        )?;
        let mut hits = Vec::with_capacity(rows.len());
        for row in &rows {
            hits.push(self.hit(row)?);
        }
        Ok((hits, reranked))
    }

    fn hit(&self, row: &Ranked<RowRef>) -> Result<Hit, Damage> {
        let at = row.item.at as usize;
        let place = match self.segments.get(row.item.segment as usize) {
            Some(segment) => segment.store.place(at)?,
            None => self.head.place(at),
        };
        Ok(Hit {
            id: row.id,
            score: row.score,
            place,
        })
    }

    /// Answers plain queries (no region, no selection) together, block by block.
    fn search_plain(&self, queries: &[&Query]) -> Result<Vec<Hits>, SearchError> {
        let mut vectors = Vec::with_capacity(queries.len());
        for query in queries {
            vectors.push(query.combined(self.dim)?);
        }
        let codes: Vec<QueryCode> = vectors
            .iter()
            .map(|vector| QueryCode::new(vector, self.kernel))
            .collect();
        let mut collectors: Vec<Collector> = queries
            .iter()
            .map(|query| Collector::new(query.k.min(self.len()).max(1)))
            .collect();
        for ((query, vector), collector) in queries.iter().zip(&vectors).zip(&mut collectors) {
            self.scan_head(query, vector, collector);
        }
        for (number, segment) in self.segments.iter().enumerate() {
            let all = 0..segment.store.len;
            for block in blocks(&all, self.dim, BATCH_BLOCK) {
                let scan = scan_of(segment, &block)?;
                for (codes, group) in codes.chunks(GROUP).zip(collectors.chunks_mut(GROUP)) {
                    let mut feeds: Vec<Feed<'_>> = group
                        .iter_mut()
                        .map(|collector| Feed {
                            collector,
                            segment: number as u32,
                            range: all.clone(),
                            dead: &segment.store.dead,
                            keep: None,
                        })
                        .collect();
                    scan_group(self.kernel, &scan, codes, &mut feeds);
                }
            }
        }
        let mut out = Vec::with_capacity(queries.len());
        for ((collector, vector), query) in collectors.into_iter().zip(&vectors).zip(queries) {
            let (hits, reranked) = self.finish(collector, query, vector)?;
            out.push(Hits {
                hits,
                exact: true,
                reranked,
            });
        }
        Ok(out)
    }
}

/// The tiles that hold a range of rows, cut into blocks of about `bytes`; each block a range of tiles.
fn blocks(
    rows: &Range<usize>,
    dim: usize,
    bytes: usize,
) -> impl Iterator<Item = Range<usize>> + use<> {
    let step = (bytes / tile_bytes(dim)).max(1);
    let (first, end) = (rows.start / TILE_ROWS, rows.end.div_ceil(TILE_ROWS));
    (first..end)
        .step_by(step)
        .map(move |start| start..(start + step).min(end))
}

/// The prior of the rows of a block, in buffers that are used again.
#[derive(Default)]
struct PriorTerms {
    score: Vec<f32>,
    slack: Vec<f32>,
}

impl PriorTerms {
    fn of(
        &mut self,
        query: &Query,
        store: &RowStore,
        tiles: &Range<usize>,
    ) -> Result<Option<Offsets<'_>>, Damage> {
        let Some((prior, weight)) = &query.prior else {
            return Ok(None);
        };
        self.score.clear();
        self.slack.clear();
        let rows = tiles.start * TILE_ROWS..(tiles.end * TILE_ROWS).min(store.len);
        prior.fill(
            store.cells.get(rows)?,
            *weight,
            &mut self.score,
            &mut self.slack,
        );
        let whole = self.score.len().next_multiple_of(TILE_ROWS);
        self.score.resize(whole, 0.0);
        self.slack.resize(whole, 0.0);
        Ok(Some(Offsets {
            score: &self.score,
            slack: &self.slack,
        }))
    }
}

/// The tiles of a block, checked if they come from a file.
fn scan_of<'a>(segment: &'a Segment, block: &Range<usize>) -> Result<Scan<'a>, Damage> {
    let size = tile_bytes(segment.store.dim);
    Ok(Scan {
        tiles: segment.tiles.get(block.start * size..block.end * size)?,
        padded: padded(segment.store.dim),
        first_row: block.start * TILE_ROWS,
        offsets: None,
    })
}

impl VectorIndex for FlatIndex {
    fn dim(&self) -> usize {
        self.dim
    }

    fn len(&self) -> usize {
        let sealed: usize = self.segments.iter().map(|s| s.store.live()).sum();
        sealed + self.head.len()
    }

    fn search(&self, query: &Query) -> Result<Hits, SearchError> {
        let vector = query.combined(self.dim)?;
        self.check_places(query)?;
        let code = QueryCode::new(&vector, self.kernel);
        select(query, |k| {
            let mut collector = Collector::new(k.min(self.len()).max(1));
            self.scan_head(query, &vector, &mut collector);
            self.scan_segments(query, &code, &mut collector)?;
            let (hits, reranked) = self.finish(collector, query, &vector)?;
            Ok(suppress::Ranked {
                complete: hits.len() < k,
                hits,
                reranked,
                exact: true,
            })
        })
    }

    fn search_batch(&self, queries: &[Query]) -> Result<Vec<Hits>, SearchError> {
        let is_plain = |query: &Query| !query.needs_places();
        let plain: Vec<&Query> = queries.iter().filter(|q| is_plain(q)).collect();
        if plain.len() < 2 {
            return queries.iter().map(|query| self.search(query)).collect();
        }
        let mut together = self.search_plain(&plain)?.into_iter();
        let mut out = Vec::with_capacity(queries.len());
        for query in queries {
            out.push(match is_plain(query).then(|| together.next()).flatten() {
                Some(hits) => hits,
                None => self.search(query)?,
            });
        }
        Ok(out)
    }
}

impl VectorIndexMut for FlatIndex {
    fn add(&mut self, rows: &Rows<'_>) -> Result<(), AddError> {
        let segments = &self.segments;
        self.head.add(rows, |id| {
            for segment in segments {
                if segment.store.find(id)?.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    fn remove(&mut self, ids: &[u64]) -> Result<usize, AddError> {
        let mut removed = 0;
        for &id in ids {
            if self.head.remove(id) {
                removed += 1;
                continue;
            }
            for segment in &mut self.segments {
                if let Some(at) = segment.store.find(id)? {
                    removed += usize::from(segment.store.remove(at)?);
                    break;
                }
            }
        }
        Ok(removed)
    }

    fn seal(&mut self) -> Result<(), AddError> {
        if self.head.len() > 0 {
            self.segments
                .push(Segment::build(&self.head.slices(), &mut InMemory)?);
            self.head.clear();
        }
        Ok(())
    }
}
