//! One index out of several: scatter, gather, merge.

use std::sync::Arc;

use geoloc_geo_cells::CellId;
use rayon::prelude::*;

use crate::suppress::{self, select};
use crate::top_k::TopK;
use crate::{Hit, Hits, Query, Region, SearchError, VectorIndex};

/// An index whose rows are spread over shards, each with a range of S2 ids.
///
/// A query goes to all shards at once, or, with a region, to those whose range it touches. The best
/// rows of all shards are the best of the best of each, so exactness carries over: the answer is exact
/// if every shard's is. Ids must be unique over all shards. If a shard fails, so does the search: a
/// silent gap on the map would be worse.
#[derive(Debug, Clone)]
pub struct Sharded {
    dim: usize,
    shards: Vec<Shard>,
}

/// A shard and the S2 ids of its rows.
#[derive(Debug, Clone)]
pub struct Shard {
    /// The engine: in process, mapped, or remote.
    pub index: Arc<dyn VectorIndex>,
    /// First and last cell of the range; `None` if rows may be anywhere (or have no place).
    pub range: Option<(CellId, CellId)>,
}

impl Sharded {
    /// Puts shards together.
    ///
    /// # Errors
    ///
    /// [`SearchError::Count`] if there are none, or their dimensions differ.
    pub fn new(shards: Vec<Shard>) -> Result<Self, SearchError> {
        let Some(dim) = shards.first().map(|shard| shard.index.dim()) else {
            return Err(SearchError::Count {
                what: "shards",
                expected: 1,
                given: 0,
            });
        };
        if let Some(other) = shards.iter().find(|shard| shard.index.dim() != dim) {
            return Err(SearchError::Count {
                what: "dimensions in every shard",
                expected: dim,
                given: other.index.dim(),
            });
        }
        Ok(Self { dim, shards })
    }

    /// The shards.
    #[must_use]
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }
}

/// Whether a range of cells and a region share an id.
fn touches(range: Option<(CellId, CellId)>, region: Option<&Region>) -> bool {
    let (Some((first, last)), Some(region)) = (range, region) else {
        return true;
    };
    let (low, high) = (first.range_min().raw(), last.range_max().raw());
    let at = region.ranges.partition_point(|r| r.1 < low);
    region.ranges.get(at).is_some_and(|r| r.0 <= high)
}

impl VectorIndex for Sharded {
    fn dim(&self) -> usize {
        self.dim
    }

    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.index.len()).sum()
    }

    fn search(&self, query: &Query) -> Result<Hits, SearchError> {
        query.check(self.dim)?;
        select(query, |k| {
            let mut plain = query.clone().k(k);
            (plain.diversity_km, plain.distinct_cells) = (None, false);
            let answers: Vec<Result<Hits, SearchError>> = self
                .shards
                .par_iter()
                .enumerate()
                .filter(|(_, shard)| touches(shard.range, query.region.as_ref()))
                .map(|(number, shard)| {
                    shard
                        .index
                        .search(&plain)
                        .map_err(|source| SearchError::Shard {
                            shard: number,
                            source: Box::new(source),
                        })
                })
                .collect();
            let mut best: TopK<usize> = TopK::new(k);
            let mut all: Vec<Hit> = Vec::new();
            let (mut reranked, mut exact) = (0, true);
            for answer in answers {
                let hits = answer?;
                reranked += hits.reranked;
                exact &= hits.exact;
                for hit in hits.hits {
                    best.push(hit.score, hit.id, all.len());
                    all.push(hit);
                }
            }
            let complete = all.len() < k;
            let sorted = best.into_sorted();
            Ok(suppress::Ranked {
                hits: sorted
                    .iter()
                    .filter_map(|r| all.get(r.item).copied())
                    .collect(),
                reranked,
                exact,
                complete,
            })
        })
    }
}
