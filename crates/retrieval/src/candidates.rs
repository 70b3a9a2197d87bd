//! Ranking rows that an engine of others found.

use crate::kernels::dot;
use crate::suppress::{self, select};
use crate::top_k::TopK;
use crate::{Hit, Hits, Place, Query};

/// Rows asked for beyond k, since engines round scores in their own ways.
const SPARE_ROWS: usize = 16;

/// A row that an engine found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) id: u64,
    pub(crate) place: Option<Place>,
    /// `[dim]`.
    pub(crate) values: Vec<f32>,
}

/// Ranks the candidates that `fetch` gets for a limit: the best rows, as the engine sees them, of those
/// whose cell lies in the ranges of the region.
///
/// Scores are computed here, so that they are those of every other index, and the outline of a shape is
/// followed here. `scan` tells that the engine looks at every row; even then the answer is exact only
/// where all rows of the region were fetched, since the engine's own rounding chose them otherwise.
pub(crate) fn rank<E>(
    query: &Query,
    vector: &[f32],
    scan: bool,
    mut fetch: impl FnMut(usize) -> Result<Vec<Candidate>, E>,
) -> Result<Hits, E> {
    let inside = |place: Option<Place>| match &query.region {
        None => true,
        Some(region) => place.is_some_and(|place| region.contains(&place)),
    };
    select(query, |k| {
        let mut limit = k.saturating_add(SPARE_ROWS);
        loop {
            let rows = fetch(limit)?;
            let (fetched, complete) = (rows.len(), rows.len() < limit);
            let mut best = TopK::new(k);
            let mut hits: Vec<Hit> = Vec::with_capacity(fetched);
            for row in rows.into_iter().filter(|row| inside(row.place)) {
                let score = dot(&row.values, vector);
                best.push(score, row.id, hits.len());
                hits.push(Hit {
                    id: row.id,
                    score,
                    place: row.place,
                });
            }
            // The outline of a shape may have taken too many.
            if hits.len() < k && !complete {
                limit = limit.saturating_mul(4);
                continue;
            }
            let sorted = best.into_sorted();
            return Ok(suppress::Ranked {
                hits: sorted
                    .iter()
                    .filter_map(|r| hits.get(r.item).copied())
                    .collect(),
                reranked: fetched,
                exact: complete && scan,
                complete,
            });
        }
    })
}
