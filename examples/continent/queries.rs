//! Queries whose true cell is known.

use geoloc_geo_cells::{CellId, LatLng, haversine_km};
use geoloc_retrieval::Hits;
use serde_json::{Value, json};

use crate::Failure;
use crate::codes::{Codes, descendants, mix};

/// A query from somewhere inside a cell of the table.
pub(crate) struct Planted {
    pub(crate) cell: CellId,
    pub(crate) location: LatLng,
    pub(crate) vector: Vec<f32>,
}

impl Planted {
    /// Query number `index`: a cell drawn evenly from all, a place drawn inside it.
    pub(crate) fn new(
        codes: &Codes,
        blocks: &[CellId],
        per_block: usize,
        index: u64,
    ) -> Result<Self, Failure> {
        let draw = |salt: u64| mix(mix(codes.seed ^ 0xc0ff_ee00 ^ salt) ^ index);
        let row = (draw(1) % (blocks.len() * per_block).max(1) as u64) as usize;
        let block = *blocks.get(row / per_block).ok_or("no cells")?;
        let cell = descendants(block, codes.aerial)
            .nth(row % per_block)
            .ok_or("no cells")?;
        let share = |salt| draw(salt) as f64 / u64::MAX as f64;
        let (s, t) = (share(2), share(3));
        // Bilinear between the corners, which go around the cell.
        let [a, b, c, d] = cell.corners();
        let between = |k: usize| {
            (1.0 - t) * ((1.0 - s) * a[k] + s * b[k]) + t * ((1.0 - s) * d[k] + s * c[k])
        };
        let location =
            LatLng::from_vector([between(0), between(1), between(2)]).ok_or("no place")?;
        let vector = codes.query(index, cell, location.to_unit_vector());
        Ok(Self {
            cell,
            location,
            vector,
        })
    }
}

/// Shares of queries whose best row is the true cell, or has its centre within 100 m, 200 m or 1 km of
/// the true place; and whose true cell is among the ten best.
pub(crate) fn recall(answers: &[Hits], planted: &[Planted]) -> Value {
    let share = |holds: &dyn Fn(&Hits, &Planted) -> bool| {
        let count = answers
            .iter()
            .zip(planted)
            .filter(|(hits, p)| holds(hits, p))
            .count();
        count as f64 / planted.len().max(1) as f64
    };
    let within = |km: f64| {
        share(&|hits, p| {
            let best = hits.hits.first().and_then(|hit| hit.place);
            best.is_some_and(|best| haversine_km(best.location, p.location) <= km)
        })
    };
    let is_truth = |hit: &geoloc_retrieval::Hit, p: &Planted| {
        hit.place.is_some_and(|place| place.cell == Some(p.cell))
    };
    json!({
        "cell_r1": share(&|hits, p| hits.hits.first().is_some_and(|hit| is_truth(hit, p))),
        "cell_r10": share(&|hits, p| hits.hits.iter().any(|hit| is_truth(hit, p))),
        "r1_100m": within(0.1),
        "r1_200m": within(0.2),
        "r1_1km": within(1.0),
    })
}
