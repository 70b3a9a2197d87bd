//! The index over a graph.

use crate::error::Damage;
use crate::flat::{RowRef, Segment};
use crate::segments::head_row;
use crate::suppress::{self, select};
use crate::top_k::TopK;
use crate::{AddError, FlatIndex, Hits, Query, Rows, SearchError, VectorIndex, VectorIndexMut};

use super::HnswConfig;
use super::graph::Graph;

/// Approximate search along a graph (hierarchical navigable small world), which the
/// [usearch](https://github.com/unum-cloud/usearch) library builds and walks.
///
/// The rows are those of a [`FlatIndex`]; [`seal`](VectorIndexMut::seal) sorts them by S2 id and enters
/// them into the graph. A search takes the graph's candidates and scores them in full;
/// [`Hits::exact`] is false then. Rows not yet sealed are all scored. A query with a region or a prior
/// is answered by the [`FlatIndex`], exactly: a graph would have to be walked past all the rows outside. So
/// is one that asks for all rows.
///
/// An [`IvfIndex`](crate::IvfIndex) is faster to build by an order of magnitude and takes less memory;
/// this is for those who want a graph.
///
/// # Examples
///
/// ```
/// use geoloc_retrieval::{HnswConfig, HnswIndex, Query, Rows, VectorIndex, VectorIndexMut};
///
/// let mut index = HnswIndex::new(2, HnswConfig::default())?;
/// index.add(&Rows::new(&[1.0, 0.0, 0.6, 0.8, 0.0, 1.0]))?;
/// index.seal()?;
/// let hits = index.search(&Query::new(&[0.0, 1.0]).k(2))?;
/// assert_eq!(hits.ids(), [2, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct HnswIndex {
    pub(super) config: HnswConfig,
    pub(super) rows: FlatIndex,
    pub(super) graph: Graph,
}

/// Rows do not move once they are sealed, so their position is their key.
fn key(segment: usize, at: usize) -> u64 {
    (segment as u64) << 32 | at as u64
}

/// The rows of a segment as nodes of the graph.
fn nodes(number: usize, segment: &Segment) -> Result<Vec<(u64, &[f32])>, Damage> {
    let store = &segment.store;
    let live = (0..store.len).filter(|&at| !store.dead.contains(at));
    live.map(|at| Ok((key(number, at), store.row(at)?)))
        .collect()
}

fn row_of(key: u64) -> RowRef {
    RowRef {
        segment: (key >> 32) as u32,
        at: key as u32,
    }
}

impl HnswIndex {
    /// An empty index.
    ///
    /// # Errors
    ///
    /// [`AddError::Dim`] if `dim` is not in 1 to [`MAX_DIM`](crate::MAX_DIM); [`AddError::Engine`] if
    /// the library refuses the settings.
    pub fn new(dim: usize, config: HnswConfig) -> Result<Self, AddError> {
        Ok(Self {
            rows: FlatIndex::new(dim)?,
            graph: Graph::new(dim, &config)?,
            config,
        })
    }

    /// Names what made the vectors, for instance by the hash of a model; the name is kept in the file.
    #[must_use]
    pub fn with_embedding(mut self, name: &str) -> Self {
        self.rows = self.rows.with_embedding(name);
        self
    }

    /// What made the vectors, if it was named.
    #[must_use]
    pub fn embedding(&self) -> Option<&str> {
        self.rows.embedding()
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &HnswConfig {
        &self.config
    }

    /// Bytes of the graph with its copy of the vectors, without the rows.
    #[must_use]
    pub fn graph_bytes(&self) -> usize {
        self.graph.bytes()
    }

    /// Makes a new graph of all rows and drops removed ones.
    ///
    /// # Errors
    ///
    /// [`AddError`] if memory runs out or a mapped file is damaged; the index is unchanged then.
    pub fn rebuild(&mut self) -> Result<(), AddError> {
        let mut graph = Graph::new(self.rows.dim(), &self.config)?;
        let merged = self.rows.merged()?;
        graph.add(&nodes(0, &merged)?)?;
        self.rows.replace(merged);
        self.graph = graph;
        Ok(())
    }

    fn is_dead(&self, key: u64) -> bool {
        let row = row_of(key);
        let segment = self.rows.rows.sealed.get(row.segment as usize);
        segment.is_none_or(|s| s.store.dead.contains(row.at as usize))
    }

    /// The best of the graph's candidates and of all rows not sealed, by their full scores.
    fn ranking(
        &self,
        query: &Query,
        vector: &[f32],
        k: usize,
    ) -> Result<suppress::Ranked, SearchError> {
        let rows = &self.rows.rows;
        let wanted = query.rerank.unwrap_or(self.config.candidates).max(k);
        let removed = rows.sealed.iter().any(|s| s.store.live() < s.store.len);
        let live = |key: u64| !self.is_dead(key);
        let pass: Option<&dyn Fn(u64) -> bool> = if removed { Some(&live) } else { None };
        let keys = self.graph.nearest(vector, wanted, pass)?;
        let unsealed = (0..rows.head.len()).map(head_row);
        let found: Vec<RowRef> = keys.into_iter().map(row_of).chain(unsealed).collect();
        let mut best = TopK::new(k);
        for &row in &found {
            let (id, values) = rows.row(row)?;
            best.push(rows.score(query, vector, row, values)?, id, row);
        }
        Ok(suppress::Ranked {
            hits: rows.hits(&best.into_sorted())?,
            reranked: found.len(),
            exact: false,
            complete: false,
        })
    }

    /// Every row, by its full score: a graph does not promise to reach them all.
    fn all(&self, query: &Query, k: usize) -> Result<suppress::Ranked, SearchError> {
        let mut plain = query.clone().k(k);
        (plain.diversity_km, plain.distinct_cells) = (None, false);
        let all = self.rows.search(&plain)?;
        Ok(suppress::Ranked {
            hits: all.hits,
            reranked: all.reranked,
            exact: all.exact,
            complete: true,
        })
    }
}

impl HnswIndex {
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

impl VectorIndex for HnswIndex {
    fn dim(&self) -> usize {
        self.rows.dim()
    }

    fn count(&self) -> Result<usize, SearchError> {
        Ok(self.len())
    }

    fn search(&self, query: &Query) -> Result<Hits, SearchError> {
        if query.region.is_some() || query.prior.is_some() {
            return self.rows.search(query);
        }
        let vector = query.combined(self.dim())?;
        self.rows.rows.check_places(query)?;
        select(query, |k| {
            if k >= self.len() {
                self.all(query, k)
            } else {
                self.ranking(query, &vector, k)
            }
        })
    }
}

impl VectorIndexMut for HnswIndex {
    fn add(&mut self, rows: &Rows<'_>) -> Result<(), AddError> {
        self.rows.add(rows)
    }

    fn remove(&mut self, ids: &[u64]) -> Result<usize, AddError> {
        self.rows.remove(ids)
    }

    fn seal(&mut self) -> Result<(), AddError> {
        let graph = &mut self.graph;
        self.rows
            .seal_with(|number, segment| Ok(graph.add(&nodes(number, segment)?)?))
    }
}
