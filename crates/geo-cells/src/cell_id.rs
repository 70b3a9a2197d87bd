//! S2 cell ids (first form; completed with the encoder).

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

/// A valid S2 cell id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CellId(NonZeroU64);
