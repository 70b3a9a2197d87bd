//! Vector search over places: from one embedding to ranked rows, cells and one estimate.
//!
//! - [`VectorIndex`] (read) and [`VectorIndexMut`] (write) are object safe; every engine implements them.
//! - [`Rows`] go in: row-major `[n, dim]` f32, with optional ids and [`Place`]s.
//! - A [`Query`] asks; [`Hits`] answer, and say whether they are exact and how many rows were
//!   scored in full precision.
//! - [`BruteForce`] is the reference: it scores every row.
//!
//! ```
//! use geoloc_retrieval::{FlatIndex, Query, Rows, VectorIndex, VectorIndexMut};
//!
//! let mut index = FlatIndex::new(2)?;
//! index.add(&Rows::new(&[1.0, 0.0, 0.6, 0.8, 0.0, 1.0]))?;
//! index.seal()?;
//! let hits = index.search(&Query::new(&[0.0, 1.0]).k(2))?;
//! assert_eq!(hits.ids(), [2, 1]);
//! assert!(hits.exact);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod brute_force;
mod builder;
#[cfg(any(feature = "pgvector", feature = "qdrant"))]
mod candidates;
mod certificate;
mod codes;
mod column;
mod density;
mod error;
mod flat;
mod fused;
mod hits;
#[cfg(feature = "usearch")]
mod hnsw;
mod ids;
mod index;
mod ivf;
mod kernels;
mod origin;
#[cfg(feature = "pgvector")]
mod pgvector;
mod prior;
mod products;
#[cfg(feature = "qdrant")]
mod qdrant;
mod query;
mod refine;
mod region;
mod row_reader;
mod row_store;
mod row_table;
mod rows;
mod segments;
mod sharded;
#[cfg(any(feature = "pgvector", feature = "qdrant"))]
mod signed;
mod store;
mod stored_index;
mod suppress;
mod tombstones;
mod top_k;

pub use brute_force::BruteForce;
pub use builder::{BuildSettings, BuildStage, IndexBuilder, IndexKind};
pub use density::{DensityError, DensityEstimator, Weighting};
pub use error::{
    AddError, Damage, EngineError, EngineFailure, MemoryError, SearchError, VectorError,
};
pub use flat::FlatIndex;
pub use fused::{
    Calibration, CalibrationError, FusedError, FusedIndex, FusedTable, KappaPoint, KappaSearch,
    calibrate_kappa,
};
pub use hits::{Hit, Hits};
#[cfg(feature = "usearch")]
pub use hnsw::{GraphPrecision, HnswConfig, HnswIndex};
pub use index::{MAX_DIM, VectorIndex, VectorIndexMut};
pub use ivf::{Grouping, IvfConfig, IvfIndex, ListCodes};
pub use kernels::Kernel;
#[cfg(feature = "pgvector")]
pub use pgvector::{PgConfig, PgIndex, PgSearch};
pub use prior::{Prior, PriorError};
#[cfg(feature = "qdrant")]
pub use qdrant::{QdrantConfig, QdrantIndex, QdrantSearch};
pub use query::Query;
pub use refine::{CellRefinement, RefineError, RefinedPlace};
pub use region::{Polygon, PolygonError, Region};
pub use rows::{MAX_NORM, Place, Rows};
pub use sharded::{Shard, Sharded};
pub use store::{FORMAT_VERSION, StoreError};
pub use stored_index::StoredIndex;
