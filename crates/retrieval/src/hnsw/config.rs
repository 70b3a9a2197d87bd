//! How the graph is built and searched.

use serde::{Deserialize, Serialize};

/// How the graph keeps its copy of the vectors. Scores are computed from the f32 rows in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GraphPrecision {
    /// 4 bytes a value.
    F32,
    /// 2 bytes a value.
    Bf16,
}

/// Settings of an [`HnswIndex`](crate::HnswIndex).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HnswConfig {
    /// Links per row and layer (M).
    pub links: usize,
    /// Candidates while building (`ef_construction`).
    pub build_candidates: usize,
    /// Candidates while searching (ef), all of which are scored in full;
    /// [`Query::rerank`](crate::Query::rerank) chooses another number.
    pub candidates: usize,
    /// The graph's copy of the vectors.
    pub precision: GraphPrecision,
}

impl Default for HnswConfig {
    /// 16 links, 128 candidates while building, 64 while searching, bf16.
    fn default() -> Self {
        Self {
            links: 16,
            build_candidates: 128,
            candidates: 64,
            precision: GraphPrecision::Bf16,
        }
    }
}
