//! What a file holds and where.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::IvfConfig;

/// The table of contents of an index file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// "flat", "ivf", "fused" or "hnsw".
    pub(crate) kind: String,
    pub(crate) dim: usize,
    /// The number that the next row without an id gets.
    pub(crate) next_id: u64,
    /// Of a list index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) config: Option<IvfConfig>,
    /// Number of lists, whose centroids are the tiles of `shared`; of a fused index, of prototypes.
    #[serde(default)]
    pub(crate) lists: usize,
    /// Which model made the vectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) embedding: Option<String>,
    #[serde(default)]
    pub(crate) shared: BTreeMap<String, SectionManifest>,
    pub(crate) segments: Vec<SegmentManifest>,
}

/// One block of rows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct SegmentManifest {
    /// Positions, padding and removed rows included.
    pub(crate) len: usize,
    /// Rows without a place.
    pub(crate) unplaced: usize,
    /// Removed rows and padding.
    pub(crate) dead: usize,
    pub(crate) sections: BTreeMap<String, SectionManifest>,
}

/// Where a section is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SectionManifest {
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    /// Bytes that share one checksum; 64 KiB in format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) block: Option<usize>,
    /// Where the checksums of its blocks are.
    pub(crate) sums: u64,
    /// Checksum of the checksums.
    pub(crate) sums_hash: u64,
}
