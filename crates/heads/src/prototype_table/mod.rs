//! One prototype per S2 cell for proxy classification, for tables of millions of rows that may live on
//! disk.
//!
//! Numbers here are plain `f32`: a table is larger than the memory of a device, a step touches few of
//! its rows, and neither fits a tensor with dense gradients. The encoder is trained on a device; what
//! passes between the two is the embeddings of a batch, and the gradient with respect to them
//! ([`prototype_loss`]).
//!
//! | what | where |
//! |---|---|
//! | rows, moments and step counts, in memory or in a mapped file | [`PrototypeTable`] |
//! | softmax over all rows, or over a sample | [`Candidates`], [`PrototypeTable::loss`] |
//! | loss and gradients of a batch | [`BatchGradients`] |
//! | row-sparse Adam | [`PrototypeTable::update`] |
//! | the loss as a tensor that burn differentiates | [`prototype_loss`] |
//!
//! # Shards
//!
//! Rows are sorted by S2 id; a shard is a contiguous range of rows, and so of the curve, which keeps
//! neighbours together. Each shard answers a batch of queries with the maximum and the sum of its
//! exponentials, then with the gradients of its own rows and its part of the gradient of the queries.
//! Only these pass between shards. The shards of one table are worked on by the threads of one
//! machine; their number does not change results beyond the rounding of sums.
//!
//! # Examples
//!
//! ```
//! use geoloc_geo_cells::{CellId, LatLng, Level};
//! use geoloc_heads::prototype_table::{Candidates, PrototypeTable, TableConfig};
//!
//! let cell = CellId::from_lat_lng(LatLng::new(52.37, 4.9)?).parent(Level::try_from(15)?);
//! let mut cells: Vec<CellId> = cell.into_iter().flat_map(|c| c.edge_neighbors()).collect();
//! cells.sort_unstable();
//! let mut table = PrototypeTable::in_memory(cells, TableConfig::new(2))?;
//! let (queries, targets) = ([1.0, 0.0, 0.0, 1.0], [0, 3]);
//! let before = table.loss(&queries, &targets, &Candidates::All)?;
//! table.update(&before, 0.01)?;
//! assert!(table.loss(&queries, &targets, &Candidates::All)?.loss < before.loss);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adam;
mod candidates;
mod checks;
mod config;
mod error;
mod file;
mod header;
mod product;
mod record;
mod softmax;
mod surrogate;
mod table;
mod undo;

pub use candidates::{Candidates, spatial_neighbours};
pub use config::TableConfig;
pub use error::TableError;
pub use softmax::BatchGradients;
pub use surrogate::prototype_loss;
pub use table::PrototypeTable;
