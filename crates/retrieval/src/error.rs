//! What can be wrong with rows and queries.

use std::path::PathBuf;

use geoloc_geo_cells::CellId;
use thiserror::Error;

/// A block of an index file whose checksum is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}: section {section} is damaged in the block at byte {offset}", file.display())]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// The section.
    pub section: &'static str,
    /// Offset of the damaged block in the file.
    pub offset: u64,
}

/// How an engine of others failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EngineFailure {
    /// It was not reached, or the connection was lost.
    Unreachable,
    /// It took longer than allowed.
    TimedOut,
    /// An id is taken.
    Conflict,
    /// It answered that it will not.
    Refused,
}

/// An engine of others failed: a server, or a library.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{engine}: {failure:?}: {detail}")]
pub struct EngineError {
    /// The engine.
    pub engine: &'static str,
    /// How.
    pub failure: EngineFailure,
    /// What it said.
    pub detail: String,
}

/// The system did not grant memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no memory for {bytes} bytes")]
pub struct MemoryError {
    /// Bytes asked for.
    pub bytes: u64,
}

/// Why a vector cannot be stored or searched.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum VectorError {
    /// The number of values is not the dimension, or not a multiple of it for a block of rows.
    #[error("{values} values do not make whole vectors of dimension {dim}")]
    Shape {
        /// Dimension of the index.
        dim: usize,
        /// Number of values given.
        values: usize,
    },
    /// A value is NaN or infinite.
    #[error("row {row}, column {column} (counted from 0): {value} is not finite")]
    NotFinite {
        /// Row in the block given, from 0; in a build, row among all of its rows.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The value.
        value: f32,
    },
    /// The Euclidean norm is so large that scores could overflow.
    #[error("row {row} (counted from 0): its norm {norm:e} exceeds 1e18")]
    NormTooLarge {
        /// Row in the block given, from 0; in a build, row among all of its rows.
        row: usize,
        /// Its norm.
        norm: f64,
    },
}

impl VectorError {
    /// Of a block that so many rows come before.
    pub(crate) fn after_rows(self, before: usize) -> Self {
        match self {
            Self::NotFinite { row, column, value } => Self::NotFinite {
                row: before + row,
                column,
                value,
            },
            Self::NormTooLarge { row, norm } => Self::NormTooLarge {
                row: before + row,
                norm,
            },
            Self::Shape { .. } => self,
        }
    }
}

/// Why rows were not added, removed or sealed. The index is unchanged.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum AddError {
    /// The dimension of an index must lie in 1 to [`MAX_DIM`](crate::MAX_DIM).
    #[error("dimension {dim} is not in 1..=16384")]
    Dim {
        /// The rejected dimension.
        dim: usize,
    },
    /// A vector is malformed.
    #[error(transparent)]
    Vector(#[from] VectorError),
    /// There are not as many ids, or places, as vectors.
    #[error("{vectors} vectors but {given} {what}")]
    Count {
        /// "ids" or "places".
        what: &'static str,
        /// Number of vectors.
        vectors: usize,
        /// Number of ids or places.
        given: usize,
    },
    /// An id is already in the index, or twice in the block.
    #[error("id {id} is already in the index")]
    DuplicateId {
        /// The id.
        id: u64,
    },
    /// The index already holds as many rows as one index can (2^32 - 1).
    #[error("an index holds at most {max} rows")]
    Full {
        /// The largest number of rows.
        max: usize,
    },
    /// A file that the index reads is damaged.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// An engine of others failed: a server, or a library.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The system did not grant memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

impl AddError {
    /// As [`VectorError::after_rows`].
    pub(crate) fn after_rows(self, before: usize) -> Self {
        match self {
            Self::Vector(error) => Self::Vector(error.after_rows(before)),
            other => other,
        }
    }
}

/// Why a search was refused.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SearchError {
    /// `k` is zero.
    #[error("k must be at least 1")]
    ZeroK,
    /// A query vector is malformed; its `row` is the position among the query's vectors.
    #[error("query vector: {0}")]
    Vector(#[from] VectorError),
    /// The query has not as many weights as vectors, or not as many vectors as the index has parts.
    #[error("{expected} {what} expected, {given} given")]
    Count {
        /// "weights" or "vectors".
        what: &'static str,
        /// The number expected.
        expected: usize,
        /// The number given.
        given: usize,
    },
    /// A weight or a radius is not a finite number in its range.
    #[error("{name} is {value}, not a finite number in its range")]
    Parameter {
        /// Name of the parameter.
        name: &'static str,
        /// The rejected value.
        value: f64,
    },
    /// The query asks for a place (region, diversity), but the index has rows without one.
    #[error("the query needs places, but the index has rows without one")]
    NoPlaces,
    /// A file that the index reads is damaged.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// An engine of others failed: a server, or a library.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A query of a batch is malformed.
    #[error("query {query} (counted from 0): {source}")]
    InBatch {
        /// Position in the batch, from 0.
        query: usize,
        /// Why.
        source: Box<SearchError>,
    },
    /// A shard failed.
    #[error("shard {shard}: {source}")]
    Shard {
        /// The shard, from 0.
        shard: usize,
        /// Why.
        source: Box<SearchError>,
    },
    /// The range of cells of a shard ends before it begins.
    #[error("shard {shard}: its range ends at {last:?}, before {first:?}, where it begins")]
    Range {
        /// The shard, from 0.
        shard: usize,
        /// First cell of the range.
        first: CellId,
        /// Last cell of the range.
        last: CellId,
    },
    /// The query asks for what this engine does not do.
    #[error("{engine} does not support {feature}")]
    Unsupported {
        /// The engine.
        engine: &'static str,
        /// The feature.
        feature: &'static str,
    },
}

impl SearchError {
    /// Names the query of a batch, unless it is not the query's fault.
    pub(crate) fn in_batch(self, query: usize) -> Self {
        match self {
            Self::InBatch { .. } | Self::Damaged(_) | Self::Engine(_) | Self::Shard { .. } => self,
            source => Self::InBatch {
                query,
                source: Box::new(source),
            },
        }
    }

    /// Whether an engine failed, so that other queries would fail as well.
    pub(crate) fn is_of_engine(&self) -> bool {
        match self {
            Self::Engine(_) => true,
            Self::Shard { source, .. } => source.is_of_engine(),
            _ => false,
        }
    }
}
