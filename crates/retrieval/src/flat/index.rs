//! The certified exact index.

use crate::column::InMemory;
use crate::kernels::Kernel;
use crate::origin::Origin;
use crate::segments::Segments;
use crate::{AddError, Hits, Query, Rows, SearchError, VectorIndex, VectorIndexMut};

use super::segment::Segment;

/// Exact search: the answer is what scoring every row in full precision gives, at the price of
/// reading half a byte per value.
///
/// # How
///
/// [`seal`](VectorIndexMut::seal) sorts the rows by S2 id and codes each into 8-bit integers, of which the
/// upper four bits and the lower four are kept apart. A search scans the upper ones; of the 16 rows of a tile it
/// reads the lower ones too if a row could be among the best (in large tables few tiles, unless scores hardly
/// differ), keeps every row that still could, and scores those rows (a dozen or so) from their f32 values. A
/// batch of eight queries and more reads both parts once. A region is a few contiguous ranges of rows, and only
/// those are read. Rows not yet sealed are scored in full.
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
/// ξ·q̂ is computed in integers, without error. Turning it into a score takes fewer than 16 roundings
/// to f32, that of the full-precision score itself among them, each of at most 2^-24 of a quantity that is at
/// most 2|x||q|; 2^-19 |x||q| covers them all, and an absolute 2^-120 covers results
/// below the normal numbers. So with `S` the approximate score and `E = B + 2^-19 |x||q| + 2^-120`, the
/// full-precision score lies in `[S − E, S + E]`.
///
/// The upper four bits of a code say ξ to within a half of 16: `ξ = 16 u − 120.5 + r` with |r| ≤ 7.5. Read as
/// `16 u − 120.5` they are other codes of the same row, with a larger rest, of which the norm is kept as well, and
/// all of this holds for them word for word.
///
/// Let L be the k-th largest lower bound `S − E` among the rows of which both parts were read. At least k rows
/// score L or more, so a row with `S + E < L`, by the upper part or by both, scores strictly less than the k-th
/// best and cannot be in the answer, not even through a tie. The scan keeps the others; they are scored in full in
/// descending order of upper bound, until the bound falls below the k-th best score found. What was not scored is
/// again strictly worse. Ties are broken by id among rows that were scored. Hence the answer is the exact one.
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
    pub(super) kernel: Kernel,
    pub(crate) rows: Segments<Segment>,
    pub(super) embedding: Option<String>,
    /// The file that holds the segments.
    pub(crate) origin: Option<Origin>,
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
            rows: Segments::new(dim)?,
            embedding: None,
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

    /// The instructions in use.
    #[must_use]
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Bytes of the scanned part (codes, scales, bounds and ids), without the f32 rows and places.
    #[must_use]
    pub fn code_bytes(&self) -> usize {
        let of = |s: &Segment| s.tiles.size() + s.store.ids.size();
        self.rows.sealed.iter().map(of).sum()
    }

    /// Merges all segments into one and drops removed rows.
    ///
    /// # Errors
    ///
    /// [`AddError`] if memory runs out or a mapped file is damaged; the index is unchanged then.
    pub fn compact(&mut self) -> Result<(), AddError> {
        let merged = self.merged()?;
        self.replace(merged);
        Ok(())
    }

    /// All rows as one segment.
    pub(crate) fn merged(&self) -> Result<Segment, AddError> {
        let all = self.rows.all_rows()?;
        Ok(Segment::build(&all.slices(), &mut InMemory)?)
    }

    /// Takes a segment for all that was there.
    pub(crate) fn replace(&mut self, all: Segment) {
        self.rows.sealed.clear();
        if all.store.len > 0 {
            self.rows.sealed.push(all);
        }
        self.rows.head.clear();
        self.origin = None;
    }

    /// Seals, if `accept` agrees to the new segment and its number.
    pub(crate) fn seal_with(
        &mut self,
        accept: impl FnOnce(usize, &Segment) -> Result<(), AddError>,
    ) -> Result<(), AddError> {
        if self.rows.head.len() > 0 {
            let segment = Segment::build(&self.rows.head.slices(), &mut InMemory)?;
            accept(self.rows.sealed.len(), &segment)?;
            self.rows.sealed.push(segment);
            self.rows.head.clear();
        }
        Ok(())
    }
}

impl FlatIndex {
    /// Number of rows that a search can answer with (removed rows do not count).
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl VectorIndex for FlatIndex {
    fn dim(&self) -> usize {
        self.dim
    }

    fn count(&self) -> Result<usize, SearchError> {
        Ok(self.len())
    }

    fn search(&self, query: &Query) -> Result<Hits, SearchError> {
        self.search_one(query)
    }

    fn search_batch(&self, queries: &[Query]) -> Result<Vec<Hits>, SearchError> {
        plain_together(
            queries,
            |plain| self.search_plain(plain),
            |query| self.search_one(query),
        )
    }
}

impl VectorIndexMut for FlatIndex {
    fn add(&mut self, rows: &Rows<'_>) -> Result<(), AddError> {
        self.rows.add(rows)
    }

    fn remove(&mut self, ids: &[u64]) -> Result<usize, AddError> {
        self.rows.remove(ids)
    }

    fn seal(&mut self) -> Result<(), AddError> {
        self.seal_with(|_, _| Ok(()))
    }
}

/// Answers the queries that ask for nothing but rows together, and the others one by one.
pub(crate) fn plain_together(
    queries: &[Query],
    together: impl FnOnce(&[&Query]) -> Result<Vec<Hits>, SearchError>,
    alone: impl Fn(&Query) -> Result<Hits, SearchError>,
) -> Result<Vec<Hits>, SearchError> {
    let alone = |(number, query)| alone(query).map_err(|e: SearchError| e.in_batch(number));
    let (numbers, plain): (Vec<usize>, Vec<&Query>) = queries
        .iter()
        .enumerate()
        .filter(|(_, q)| !q.needs_places())
        .unzip();
    if plain.len() < 2 {
        return queries.iter().enumerate().map(alone).collect();
    }
    let mut answers = together(&plain)
        .map_err(|e| match e {
            // Among the plain ones it has another number than among all.
            SearchError::InBatch { query, source } => match numbers.get(query) {
                Some(&number) => source.in_batch(number),
                None => *source,
            },
            other => other,
        })?
        .into_iter();
    let mut out = Vec::with_capacity(queries.len());
    for (number, query) in queries.iter().enumerate() {
        let answer = if query.needs_places() {
            None
        } else {
            answers.next()
        };
        out.push(match answer {
            Some(hits) => hits,
            None => alone((number, query))?,
        });
    }
    Ok(out)
}
