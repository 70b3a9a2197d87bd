//! Losses and target encoders for image geolocalization, on burn.
//!
//! Every loss implements [`geoloc_core::Loss`] over one output type; targets are made on the host
//! from `f64` degrees by a [`geoloc_core::TargetEncoder`].

mod cross_entropy;
mod info_nce;

pub use cross_entropy::{CellClasses, CrossEntropy};
pub use info_nce::{InfoNce, PairMask, PairMasks};
