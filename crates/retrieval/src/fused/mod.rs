//! Cell codes of two parts: an aerial code per cell, and the prototype of a parent cell.

mod calibrate;
mod file;
mod index;
mod offsets;
mod table;

pub use calibrate::{Calibration, CalibrationError, KappaPoint, KappaSearch, calibrate_kappa};
pub(crate) use file::KIND as FUSED_KIND;
pub use index::FusedIndex;
pub use table::{FusedError, FusedTable};
