//! The hybrid of prototypes and aerial tiles on the shipped benchmark.
//!
//! Relief tiles play the ground photos. They are drawn in three quarters of the parent cells of the
//! training area only, as streets cover only part of a continent; every fine cell of land has an
//! aerial tile. Three kinds of query follow: places in cells **covered** by photos, places in
//! **uncovered** cells of the training area, and **unseen** longitudes. All are asked for among the
//! cell codes of the whole world; the unseen ones also among the tiles of the queries alone, the
//! default gallery of the benchmark.

mod batches;
mod config;
mod default_gallery;
mod evaluation;
mod fusion;
mod ground;
mod judgement;
mod model_file;
mod pictures;
mod queries;
mod run;
mod shipped;
mod training;

pub use batches::HybridBatches;
pub use config::{FusionConfig, GroundConfig, HybridConfig, HybridModelConfig};
pub use fusion::{FusionChoice, FusionTrial};
pub use ground::Ground;
pub use judgement::{Contest, SliceRecall};
pub use model_file::{HybridBranches, calibrate_hybrid_domain, hybrid_artifact};
pub use queries::{Slice, WorldQueries};
pub use run::{HybridOutcome, hybrid, methods};
pub use training::{HybridRun, train_hybrid};
