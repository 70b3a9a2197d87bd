//! An index file of whatever kind.

use std::path::Path;

use crate::flat::FLAT_KIND;
use crate::fused::FUSED_KIND;
#[cfg(feature = "usearch")]
use crate::hnsw::{HNSW_KIND, HnswIndex};
use crate::ivf::IVF_KIND;
use crate::store::Reader;
use crate::{FlatIndex, FusedIndex, Hits, IvfIndex, Query, SearchError, StoreError, VectorIndex};

/// An open index file, of the kind that the file says.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoredIndex {
    /// Exact.
    Flat(Box<FlatIndex>),
    /// Lists.
    Ivf(Box<IvfIndex>),
    /// Two parts.
    Fused(Box<FusedIndex>),
    /// A graph.
    #[cfg(feature = "usearch")]
    Hnsw(Box<HnswIndex>),
}

impl StoredIndex {
    /// Maps an index file; what is checked when is told at [`FlatIndex::open`]. With the feature `usearch` a
    /// file may hold a graph, and must then come from a trusted writer (see `HnswIndex::open`).
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the file is no index, is damaged, or of a later version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let kind = Reader::open_any(path)?.manifest.kind;
        match kind.as_str() {
            FLAT_KIND => FlatIndex::open(path).map(|index| Self::Flat(Box::new(index))),
            IVF_KIND => IvfIndex::open(path).map(|index| Self::Ivf(Box::new(index))),
            FUSED_KIND => FusedIndex::open(path).map(|index| Self::Fused(Box::new(index))),
            #[cfg(feature = "usearch")]
            HNSW_KIND => HnswIndex::open(path).map(|index| Self::Hnsw(Box::new(index))),
            _ => Err(StoreError::Kind {
                file: path.to_path_buf(),
                found: kind,
                expected: if cfg!(feature = "usearch") {
                    "flat, ivf, fused or hnsw"
                } else {
                    "flat, ivf or fused"
                },
            }),
        }
    }

    /// What made the vectors, if it was named.
    #[must_use]
    pub fn embedding(&self) -> Option<&str> {
        match self {
            Self::Flat(index) => index.embedding(),
            Self::Ivf(index) => index.embedding(),
            Self::Fused(index) => index.embedding(),
            #[cfg(feature = "usearch")]
            Self::Hnsw(index) => index.embedding(),
        }
    }

    /// Number of rows that a search can answer with (removed rows do not count).
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Flat(index) => index.len(),
            Self::Ivf(index) => index.len(),
            Self::Fused(index) => index.len(),
            #[cfg(feature = "usearch")]
            Self::Hnsw(index) => index.len(),
        }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn index(&self) -> &dyn VectorIndex {
        match self {
            Self::Flat(index) => index.as_ref(),
            Self::Ivf(index) => index.as_ref(),
            Self::Fused(index) => index.as_ref(),
            #[cfg(feature = "usearch")]
            Self::Hnsw(index) => index.as_ref(),
        }
    }
}

impl VectorIndex for StoredIndex {
    fn dim(&self) -> usize {
        self.index().dim()
    }

    fn count(&self) -> Result<usize, SearchError> {
        self.index().count()
    }

    fn search(&self, query: &Query) -> Result<Hits, SearchError> {
        self.index().search(query)
    }

    fn search_batch(&self, queries: &[Query]) -> Result<Vec<Hits>, SearchError> {
        self.index().search_batch(queries)
    }
}
