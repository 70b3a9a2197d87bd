//! Going down a ranking and passing over rows too near to those taken.

use geoloc_geo_cells::{CellId, EARTH_RADIUS_KM};

use crate::{Hit, Hits, Query};

/// Greedy selection: geographic non-maximum suppression, and one row per cell.
///
/// Takes hits in descending order. Since the choice at each rank depends only on the ranks above, the
/// first hits of an exact ranking give the exact selection.
#[derive(Debug)]
pub(crate) struct Suppressor {
    k: usize,
    /// Squared length of the chord that spans the radius, on the unit sphere.
    chord2: Option<f64>,
    distinct_cells: bool,
    hits: Vec<Hit>,
    points: Vec<[f64; 3]>,
    cells: std::collections::HashSet<CellId>,
}

impl Suppressor {
    pub(crate) fn new(query: &Query) -> Self {
        Self {
            k: query.k,
            chord2: query.diversity_km.map(chord2),
            distinct_cells: query.distinct_cells,
            hits: Vec::new(),
            points: Vec::new(),
            cells: std::collections::HashSet::new(),
        }
    }

    /// Whether there are `k` hits.
    pub(crate) fn is_full(&self) -> bool {
        self.hits.len() >= self.k
    }

    /// Offers the next hit of the ranking.
    pub(crate) fn offer(&mut self, hit: Hit) {
        if self.is_full() {
            return;
        }
        if let Some(place) = hit.place {
            let cell = place.cell.filter(|_| self.distinct_cells);
            if cell.is_some_and(|cell| self.cells.contains(&cell)) {
                return;
            }
            if let Some(limit) = self.chord2 {
                let point = place.location.to_unit_vector();
                if self.points.iter().any(|p| distance2(p, &point) <= limit) {
                    return;
                }
                self.points.push(point);
            }
            self.cells.extend(cell);
        }
        self.hits.push(hit);
    }

    pub(crate) fn into_hits(self) -> Vec<Hit> {
        self.hits
    }
}

/// Squared chord of an arc in km: `(2 sin(arc / 2R))^2`, and past the antipode everything is near.
fn chord2(km: f64) -> f64 {
    let half = km / EARTH_RADIUS_KM / 2.0;
    if half >= std::f64::consts::FRAC_PI_2 {
        5.0
    } else {
        (2.0 * half.sin()).powi(2)
    }
}

fn distance2(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

/// A ranking that an engine made for `select`.
pub(crate) struct Ranked {
    pub(crate) hits: Vec<Hit>,
    pub(crate) reranked: usize,
    pub(crate) exact: bool,
    /// No row is missing below the last one.
    pub(crate) complete: bool,
}

/// Lengthens a ranking until enough rows survive the selection that the query asks for.
pub(crate) fn select<E>(
    query: &Query,
    mut ranking: impl FnMut(usize) -> Result<Ranked, E>,
) -> Result<Hits, E> {
    let mut k = query.k;
    if query.is_selective() {
        k = k.saturating_mul(4).max(64);
    }
    let mut reranked = 0;
    loop {
        let ranked = ranking(k)?;
        reranked += ranked.reranked;
        let mut suppressor = Suppressor::new(query);
        for hit in ranked.hits {
            suppressor.offer(hit);
        }
        if suppressor.is_full() || ranked.complete || !query.is_selective() {
            return Ok(Hits {
                hits: suppressor.into_hits(),
                exact: ranked.exact,
                reranked,
            });
        }
        k = k.saturating_mul(8);
    }
}
