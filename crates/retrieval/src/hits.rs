//! What a search answers.

use serde::{Deserialize, Serialize};

use crate::suppress::Suppressor;
use crate::{Place, Query};

/// One row of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// Id of the row.
    pub id: u64,
    /// Its score: larger is nearer. See [`VectorIndex`](crate::VectorIndex) for the definition.
    pub score: f32,
    /// Where it is, if the row was added with a place.
    pub place: Option<Place>,
}

/// Ranked rows: descending score, ties by ascending id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hits {
    /// At most `k` rows; fewer if fewer rows qualify.
    pub hits: Vec<Hit>,
    /// Whether this is provably what scoring every row in full precision would answer.
    pub exact: bool,
    /// Number of rows that were scored in full precision.
    pub reranked: usize,
}

impl Hits {
    /// No hits, exactly.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            hits: Vec::new(),
            exact: true,
            reranked: 0,
        }
    }

    /// The first `k` places more than `km` apart, going down the ranking; hits without a place are kept.
    /// A search with [`Query::diversity_radius_km`] looks further down until there are enough.
    #[must_use]
    pub fn distinct_places(self, km: f64, k: usize) -> Self {
        let mut suppressor = Suppressor::new(&Query::new(&[]).k(k).diversity_radius_km(km));
        for hit in self.hits {
            suppressor.offer(hit);
        }
        Self {
            hits: suppressor.into_hits(),
            ..self
        }
    }

    /// The ids, best first.
    #[must_use]
    pub fn ids(&self) -> Vec<u64> {
        self.hits.iter().map(|hit| hit.id).collect()
    }

    /// The scores, best first.
    #[must_use]
    pub fn scores(&self) -> Vec<f32> {
        self.hits.iter().map(|hit| hit.score).collect()
    }
}
