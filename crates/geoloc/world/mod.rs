//! The shipped benchmark: tiles of the Earth seen in two ways.
//!
//! The **query** view (shaded relief) plays the photo, the **aerial** view (Blue Marble) the
//! gallery; the gap between the two is real. A cell classifier learns where relief tiles lie; a
//! two-branch model learns to match the views and is asked for tiles of longitudes that it has
//! never seen. Figures on this benchmark compare methods; they say nothing about street photos.

mod batches;
mod cells;
pub mod compare;
mod correlation;
mod domain;
mod embed;
mod evaluation;
pub mod hybrid;
mod pair_jitter;
mod pairs;
pub mod quickstart;
mod task;

pub use batches::{CellBatches, NoPlaceInPartition, PairBatches};
pub use cells::{CellRun, CellRunConfig, train_cells};
pub use correlation::gray_vectors;
pub use domain::{calibrate_domain, held_out_places};
pub use embed::{embed_tiles, embed_tiles_all_round};
pub use pair_jitter::PairJitter;
pub use pairs::{PairModel, PairRun, PairRunConfig, train_pairs};
pub use task::{WorldError, WorldTask};
