//! One index out of several: scatter, gather, merge.

use std::sync::Arc;

use geoloc_geo_cells::CellId;
use rayon::prelude::*;

use crate::suppress::{self, select};
use crate::top_k::{Ranked, TopK};
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
    /// [`SearchError::Count`] if there are none, or their dimensions differ; [`SearchError::Range`] if a range
    /// ends before it begins, so that no region would reach its rows.
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
        for (number, shard) in shards.iter().enumerate() {
            if let Some((first, last)) = shard.range
                && first.range_min() > last.range_max()
            {
                return Err(SearchError::Range {
                    shard: number,
                    first,
                    last,
                });
            }
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

    fn count(&self) -> Result<usize, SearchError> {
        let counts = self.shards.iter().enumerate();
        counts
            .map(|(number, shard)| shard.index.count().map_err(|e| failed(number, e)))
            .sum()
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
                    let answer = shard.index.search(&plain);
                    answer.map_err(|source| failed(number, source))
                })
                .collect();
            let mut merged = Merged::new(k);
            for answer in answers {
                merged.take(answer?);
            }
            Ok(merged.into_ranked())
        })
    }

    /// Each shard answers its queries together. Selections, which may have to ask again, go one by one.
    fn search_batch(&self, queries: &[Query]) -> Result<Vec<Hits>, SearchError> {
        for (number, query) in queries.iter().enumerate() {
            query.check(self.dim).map_err(|e| e.in_batch(number))?;
        }
        let mut merged: Vec<Merged> = queries.iter().map(|query| Merged::new(query.k)).collect();
        let answers: Vec<(Vec<usize>, Result<_, _>)> = self
            .shards
            .par_iter()
            .enumerate()
            .map(|(number, shard)| {
                let (numbers, asked): (Vec<usize>, Vec<Query>) = queries
                    .iter()
                    .enumerate()
                    .filter(|(_, q)| !q.is_selective() && touches(shard.range, q.region.as_ref()))
                    .map(|(number, query)| (number, query.clone()))
                    .unzip();
                let answers = match asked.as_slice() {
                    [] => Ok(Vec::new()),
                    asked => shard.index.search_batch(asked),
                };
                let answers = answers.map_err(|e| match e {
                    // The shard has seen a part of the batch.
                    SearchError::InBatch { query, source } => {
                        let source = failed(number, *source);
                        match numbers.get(query) {
                            Some(&query) => SearchError::InBatch {
                                query,
                                source: Box::new(source),
                            },
                            None => source,
                        }
                    }
                    other => failed(number, other),
                });
                (numbers, answers)
            })
            .collect();
        for (numbers, answers) in answers {
            for (number, hits) in numbers.into_iter().zip(answers?) {
                if let Some(merged) = merged.get_mut(number) {
                    merged.take(hits);
                }
            }
        }
        let numbered = queries.iter().enumerate().zip(merged);
        let together = numbered.map(|((number, query), merged)| {
            if query.is_selective() {
                return self.search(query).map_err(|e| e.in_batch(number));
            }
            let ranked = merged.into_ranked();
            Ok(Hits {
                hits: ranked.hits,
                exact: ranked.exact,
                reranked: ranked.reranked,
            })
        });
        together.collect()
    }
}

fn failed(shard: usize, source: SearchError) -> SearchError {
    SearchError::Shard {
        shard,
        source: Box::new(source),
    }
}

/// The best rows of several shards for one query.
struct Merged {
    k: usize,
    best: TopK<usize>,
    all: Vec<Hit>,
    reranked: usize,
    exact: bool,
}

impl Merged {
    fn new(k: usize) -> Self {
        Self {
            k,
            best: TopK::new(k),
            all: Vec::new(),
            reranked: 0,
            exact: true,
        }
    }

    fn take(&mut self, hits: Hits) {
        self.reranked += hits.reranked;
        self.exact &= hits.exact;
        for hit in hits.hits {
            self.best.push(hit.score, hit.id, self.all.len());
            self.all.push(hit);
        }
    }

    fn into_ranked(self) -> suppress::Ranked {
        let sorted = self.best.into_sorted();
        let hit = |row: &Ranked<usize>| self.all.get(row.item).copied();
        suppress::Ranked {
            hits: sorted.iter().filter_map(hit).collect(),
            reranked: self.reranked,
            exact: self.exact,
            complete: self.all.len() < self.k,
        }
    }
}
