//! Every approach of the field on the same tiles, with the same encoder and the same budget.
//!
//! The comparison of classification, regression and retrieval that papers make with several code
//! bases, as one call: [`compare`] trains each [`Approach`] from scratch on relief tiles of the seen
//! area and asks it for held-out tiles there and in longitudes that it has never seen.

mod approach;
mod arena;
mod classifiers;
mod config;
mod decoders;
mod ground;
mod neighbours;
mod outcome;
mod places;
mod regressors;
mod run;
mod scenes;
mod views;

pub use approach::{Approach, UnknownApproach};
pub use config::CompareConfig;
pub use outcome::{ApproachOutcome, MethodOutcome};
pub use run::{CompareOutcome, Comparison, Progress, compare};
pub use scenes::TerrainCells;
pub use views::FrozenEncoder;
