//! The index over lists.

use crate::codes::Rotation;
use crate::column::InMemory;
use crate::error::MemoryError;
use crate::flat::plain_together;
use crate::kernels::Kernel;
use crate::origin::Origin;
use crate::query::combined_all;
use crate::row_table::RowSlices;
use crate::segments::Segments;
use crate::suppress::{self, select};
use crate::{AddError, Hits, Query, Rows, SearchError, VectorIndex, VectorIndexMut};

use super::IvfConfig;
use super::grouping::group;
use super::router::Router;
use super::search::{Ask, Lists};
use super::segment::ListSegment;

/// Queries of a batch that are answered together: what they keep must not outgrow the cache.
const TOGETHER: usize = 1024;

/// Approximate search (inverted file): rows are grouped around centroids, a query visits the nearest
/// lists, scans their codes and scores the most promising rows in full.
///
/// The first [`seal`](VectorIndexMut::seal) makes the lists (see [`Grouping`](crate::Grouping)); later
/// ones add rows to those with the nearest centroids; [`rebuild`](Self::rebuild) begins anew. [`Hits::exact`] is true only if every list was
/// visited under the certificate of [`ListCodes::Int8`](crate::ListCodes::Int8). With a region, lists without rows in it are
/// not counted as visited. A [`Prior`](crate::Prior) is added to every score, but lists are chosen
/// without it: with strong priors, visit more.
///
/// [`search_batch`](VectorIndex::search_batch) passes over each list once for all queries that visit it,
/// and answers as one query at a time does.
///
/// # Examples
///
/// ```
/// use geoloc_retrieval::{IvfConfig, IvfIndex, ListCodes, Query, Rows, VectorIndex, VectorIndexMut};
///
/// let rows: Vec<f32> = (0..1000).flat_map(|i| [(i as f32).cos(), (i as f32).sin()]).collect();
/// let config = IvfConfig { codes: ListCodes::Int8, ..IvfConfig::default() };
/// let mut index = IvfIndex::new(2, config)?;
/// index.add(&Rows::new(&rows))?;
/// index.seal()?;
/// let hits = index.search(&Query::new(&rows[84..86]).k(1).probes(4))?;
/// assert_eq!(hits.ids(), [42]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct IvfIndex {
    pub(super) dim: usize,
    pub(super) config: IvfConfig,
    kernel: Kernel,
    rotation: Rotation,
    pub(super) router: Option<Router>,
    pub(super) rows: Segments<ListSegment>,
    pub(super) embedding: Option<String>,
    /// The file that holds the segments.
    pub(super) origin: Option<Origin>,
}

impl IvfIndex {
    /// An empty index.
    ///
    /// # Errors
    ///
    /// [`AddError::Dim`] if `dim` is not in 1 to [`MAX_DIM`](crate::MAX_DIM).
    pub fn new(dim: usize, config: IvfConfig) -> Result<Self, AddError> {
        Ok(Self {
            dim,
            config,
            kernel: Kernel::detect(),
            rotation: Rotation::new(dim),
            router: None,
            rows: Segments::new(dim)?,
            embedding: None,
            origin: None,
        })
    }

    /// Uses another set of instructions, where the machine has it.
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

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &IvfConfig {
        &self.config
    }

    /// Number of lists; 0 before the first seal.
    #[must_use]
    pub fn lists(&self) -> usize {
        self.router.as_ref().map_or(0, |router| router.lists)
    }

    /// Bytes of the scanned part (codes, scales, ids, centroids and means), without the f32 rows and
    /// places.
    #[must_use]
    pub fn code_bytes(&self) -> usize {
        let of = |s: &ListSegment| s.tiles.size() + s.means.size() + s.store.ids.size();
        let router = self.router.as_ref().map_or(0, |r| r.tiles.size());
        router + self.rows.sealed.iter().map(of).sum::<usize>()
    }

    /// Makes new lists of all rows and drops removed ones.
    ///
    /// # Errors
    ///
    /// [`AddError`] if memory runs out or a mapped file is damaged; the index is unchanged then.
    pub fn rebuild(&mut self) -> Result<(), AddError> {
        let all = self.rows.all_rows()?;
        let (mut router, mut sealed) = (None, Vec::new());
        if all.len() > 0 {
            let made = self.first_lists(&all.slices())?;
            router = Some(made.0);
            sealed.push(made.1);
        }
        (self.router, self.rows.sealed) = (router, sealed);
        self.rows.head.clear();
        self.origin = None;
        Ok(())
    }

    /// Lists for rows, and the rows in them.
    fn first_lists(&self, source: &RowSlices<'_>) -> Result<(Router, ListSegment), MemoryError> {
        let (router, owners) = group(&self.config, source, self.kernel, &mut InMemory)?;
        let owners = owners.unwrap_or_else(|| router.assign(source.vectors, self.kernel));
        let segment = self.segment(&router, source, &owners)?;
        Ok((router, segment))
    }

    fn segment(
        &self,
        router: &Router,
        source: &RowSlices<'_>,
        owners: &[u32],
    ) -> Result<ListSegment, MemoryError> {
        let (lists, codes) = (router.lists, self.config.codes);
        ListSegment::build(source, owners, lists, codes, &self.rotation, &mut InMemory)
    }

    fn ask<'a>(&self, query: &'a Query, vector: &'a [f32], k: usize) -> Ask<'a> {
        let k = k.min(self.len()).max(1);
        let probes = query.probes.unwrap_or(self.config.probes).max(1);
        Ask {
            query,
            vector,
            k,
            probes: probes.min(self.lists()),
            rerank: self.config.rerank_count(k, query.rerank),
        }
    }

    fn with_lists<T>(&self, run: impl FnOnce(&Lists<'_>) -> T) -> T {
        let nothing = Router::empty(self.dim);
        run(&Lists {
            router: self.router.as_ref().unwrap_or(&nothing),
            rows: &self.rows,
            rotation: &self.rotation,
            codes: self.config.codes,
            kernel: self.kernel,
        })
    }

    fn search_one(&self, query: &Query) -> Result<Hits, SearchError> {
        let vector = query.combined(self.dim)?;
        self.rows.check_places(query)?;
        let mut probes = self.ask(query, &vector, query.k).probes;
        self.with_lists(|lists| {
            select(query, |k| {
                let mut ask = self.ask(query, &vector, k);
                let ranking = loop {
                    ask.probes = probes;
                    let ranking = lists.ranking(&ask)?;
                    // A selection that runs out of rows looks further afield.
                    let enough = !query.is_selective() || ranking.rows.len() >= ask.k;
                    if enough || probes == self.lists() {
                        break ranking;
                    }
                    probes = probes.saturating_mul(4).min(self.lists());
                };
                Ok(suppress::Ranked {
                    complete: ranking.rows.len() < k,
                    hits: self.rows.hits(&ranking.rows)?,
                    reranked: ranking.reranked,
                    exact: ranking.exact,
                })
            })
        })
    }

    fn search_plain(&self, queries: &[&Query]) -> Result<Vec<Hits>, SearchError> {
        let mut out = Vec::with_capacity(queries.len());
        for (chunk, queries) in queries.chunks(TOGETHER).enumerate() {
            let vectors = combined_all(queries, chunk * TOGETHER, self.dim)?;
            let asks: Vec<Ask<'_>> = queries
                .iter()
                .zip(&vectors)
                .map(|(query, vector)| self.ask(query, vector, query.k))
                .collect();
            for ranking in self.with_lists(|lists| lists.rankings(&asks))? {
                out.push(Hits {
                    hits: self.rows.hits(&ranking.rows)?,
                    exact: ranking.exact,
                    reranked: ranking.reranked,
                });
            }
        }
        Ok(out)
    }
}

impl IvfIndex {
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

impl VectorIndex for IvfIndex {
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

impl VectorIndexMut for IvfIndex {
    fn add(&mut self, rows: &Rows<'_>) -> Result<(), AddError> {
        self.rows.add(rows)
    }

    fn remove(&mut self, ids: &[u64]) -> Result<usize, AddError> {
        self.rows.remove(ids)
    }

    fn seal(&mut self) -> Result<(), AddError> {
        if self.rows.head.len() == 0 {
            return Ok(());
        }
        let source = self.rows.head.slices();
        let segment = if let Some(router) = &self.router {
            let owners = router.assign(source.vectors, self.kernel);
            self.segment(router, &source, &owners)?
        } else {
            let (router, segment) = self.first_lists(&source)?;
            self.router = Some(router);
            segment
        };
        self.rows.sealed.push(segment);
        self.rows.head.clear();
        Ok(())
    }
}
