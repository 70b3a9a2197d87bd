//! The index over lists.

use crate::codes::Rotation;
use crate::column::{InMemory, Room};
use crate::error::{Damage, MemoryError};
use crate::flat::RowRef;
use crate::kernels::Kernel;
use crate::row_table::{MAX_ROWS, RowSlices, RowTable};
use crate::suppress::{self, select};
use crate::top_k::Ranked;
use crate::{AddError, Hit, Hits, Query, Rows, SearchError, VectorIndex, VectorIndexMut};

use super::IvfConfig;
use super::router::Router;
use super::search::Lists;
use super::segment::ListSegment;

/// Approximate search (inverted file): rows are grouped around centroids, a query visits the nearest
/// lists, scans their codes and scores the most promising rows in full.
///
/// The first [`seal`](VectorIndexMut::seal) trains the centroids; later ones add lists around the same
/// centroids; [`rebuild`](Self::rebuild) trains anew. [`Hits::exact`] is true only if every list was
/// visited under the certificate of [`ListCodes::Int8`](crate::ListCodes::Int8). With a region, lists without rows in it are
/// not counted as visited.
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
    dim: usize,
    pub(super) config: IvfConfig,
    kernel: Kernel,
    rotation: Rotation,
    pub(super) router: Option<Router>,
    pub(super) segments: Vec<ListSegment>,
    pub(super) head: RowTable,
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
            segments: Vec::new(),
            head: RowTable::new(dim)?,
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
        router + self.segments.iter().map(of).sum::<usize>()
    }

    /// Trains new centroids over all rows and drops removed ones.
    ///
    /// # Errors
    ///
    /// [`AddError`] if memory runs out or a mapped file is damaged; the index is unchanged then.
    pub fn rebuild(&mut self) -> Result<(), AddError> {
        let live: usize = self.segments.iter().map(|s| s.store.live()).sum();
        if live + self.head.len() > MAX_ROWS {
            return Err(AddError::Full { max: MAX_ROWS });
        }
        let mut all = self.head.clone();
        for segment in &self.segments {
            segment.store.copy_into(&mut all)?;
        }
        let (router, segment) = if all.len() == 0 {
            (None, Vec::new())
        } else {
            let router = train(&self.config, &all.slices(), self.kernel, &mut InMemory)?;
            let segment = self.build_segment(&router, &all.slices())?;
            (Some(router), vec![segment])
        };
        (self.router, self.segments) = (router, segment);
        self.head.clear();
        Ok(())
    }

    fn build_segment(
        &self,
        router: &Router,
        source: &RowSlices<'_>,
    ) -> Result<ListSegment, MemoryError> {
        let owners = router.assign(source.vectors, self.kernel);
        let (lists, codes) = (router.lists, self.config.codes);
        ListSegment::build(source, &owners, lists, codes, &self.rotation, &mut InMemory)
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
}

/// Centroids for some rows, from an even sample of them.
pub(crate) fn train(
    config: &IvfConfig,
    source: &RowSlices<'_>,
    kernel: Kernel,
    room: &mut dyn Room,
) -> Result<Router, MemoryError> {
    let lists = config.list_count(source.len());
    let wanted = config.sample_per_list.max(1).saturating_mul(lists);
    let count = wanted.clamp(lists, source.len().max(lists));
    let mut sample = Vec::with_capacity(count * source.dim);
    for i in 0..count {
        sample.extend_from_slice(source.row(i * source.len() / count));
    }
    Router::train(&sample, source.dim, lists, config.rounds, kernel, room)
}

impl VectorIndex for IvfIndex {
    fn dim(&self) -> usize {
        self.dim
    }

    fn len(&self) -> usize {
        let sealed: usize = self.segments.iter().map(|s| s.store.live()).sum();
        sealed + self.head.len()
    }

    fn search(&self, query: &Query) -> Result<Hits, SearchError> {
        let vector = query.combined(self.dim)?;
        let unplaced: usize = self.segments.iter().map(|s| s.store.unplaced).sum();
        if query.needs_places() && (unplaced > 0 || !self.head.all_placed()) {
            return Err(SearchError::NoPlaces);
        }
        if query.prior.is_some() {
            return Err(SearchError::Unsupported {
                engine: "a list index",
                feature: "priors",
            });
        }
        let nothing = Router::empty(self.dim);
        let router = self.router.as_ref().unwrap_or(&nothing);
        let lists = Lists {
            router,
            segments: &self.segments,
            head: &self.head,
            rotation: &self.rotation,
            codes: self.config.codes,
            kernel: self.kernel,
        };
        let asked = query.probes.unwrap_or(self.config.probes).max(1);
        let mut probes = asked.min(router.lists);
        select(query, |k| {
            let k_now = k.min(self.len()).max(1);
            let rerank = self.config.rerank_count(k_now, query.rerank);
            let ranking = loop {
                let ranking = lists.ranking(query, &vector, k_now, probes, rerank)?;
                // A selection that runs out of rows looks further afield.
                if !query.is_selective() || ranking.rows.len() >= k_now || probes == router.lists {
                    break ranking;
                }
                probes = probes.saturating_mul(4).min(router.lists);
            };
            let mut hits = Vec::with_capacity(ranking.rows.len());
            for row in &ranking.rows {
                hits.push(self.hit(row)?);
            }
            Ok(suppress::Ranked {
                complete: hits.len() < k,
                hits,
                reranked: ranking.reranked,
                exact: ranking.exact,
            })
        })
    }
}

impl VectorIndexMut for IvfIndex {
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
        if self.head.len() == 0 {
            return Ok(());
        }
        if self.router.is_none() {
            let source = self.head.slices();
            self.router = Some(train(&self.config, &source, self.kernel, &mut InMemory)?);
        }
        if let Some(router) = &self.router {
            let segment = self.build_segment(router, &self.head.slices())?;
            self.segments.push(segment);
            self.head.clear();
        }
        Ok(())
    }
}
