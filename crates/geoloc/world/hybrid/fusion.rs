//! How the two parts are joined, chosen on validation queries.

use serde::{Deserialize, Serialize};

use super::{HybridConfig, HybridRun, Slice, WorldQueries};
use crate::geo_cells::{LatLng, haversine_km};
use crate::hybrid::{CellPrototypes, HybridCells};
use crate::retrieval::{
    FusedIndex, FusedTable, Hit, KappaPoint, Query, VectorIndex, calibrate_kappa,
};
use crate::world::WorldError;

/// One way of joining the parts that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FusionTrial {
    /// Whether prototypes are interpolated across the borders of the parents.
    pub interpolated: bool,
    /// Prototypes count with n / (n + n0) for n photos.
    pub n0: f32,
    /// Added to the score of cells without a prototype.
    pub bias: f32,
    /// The best κ of this way, or the one it was tried with, and its recall on the validation queries.
    pub best: KappaPoint,
    /// Recall at that κ on the validation queries in covered and in uncovered cells.
    pub recalls: [f64; 2],
}

/// The way that did best, and all that were tried.
#[derive(Clone, Debug)]
pub struct FusionChoice {
    /// The best trial.
    pub best: FusionTrial,
    /// All trials.
    pub trials: Vec<FusionTrial>,
    /// The database of the best trial; search it with weights `[1, κ]`.
    pub table: FusedTable,
}

/// Chooses κ, whether to interpolate, the weight of the photo count, and the bias of cells without
/// ground photos, in this order, each for the highest recall at one cell width on the queries in
/// covered and uncovered cells among `queries`.
///
/// Ground photos must not make cells without them harder to find: of all ways only those count with
/// which as many uncovered queries are found as by aerial codes alone, to within one standard error of
/// that share, if there are any.
pub(super) fn choose(
    run: &HybridRun,
    config: &HybridConfig,
    prototypes: &CellPrototypes,
    aerial: &[f32],
    queries: &WorldQueries,
) -> Result<FusionChoice, WorldError> {
    let search = Search {
        cells: run.ground.cells(),
        config,
        prototypes,
        aerial,
        asked: Asked::new(queries),
    };
    let mut trials = vec![search.plain(false, 0.0)?, search.plain(true, 0.0)?];
    let so_far = best_of(&trials).ok_or(WorldError::NoPlace)?.interpolated;
    trials.push(search.plain(so_far, config.fusion.photo_weight)?);
    // A cell without a prototype competes with the best of thousands of prototypes, whose cosine is
    // well above 0: the bias stands for a cosine, so it goes with κ.
    let plain = best_of(&trials).copied().ok_or(WorldError::NoPlace)?;
    for factor in &config.fusion.kappa_factors {
        for &cosine in &config.fusion.cosines {
            trials.push(search.trial(&plain, factor * plain.best.kappa, cosine)?);
        }
    }
    let without = search.table(false, 0.0, 0.0)?;
    let aerial_alone = search.judge(&without, 0.0)?.1[1];
    let uncovered = search.asked.covered.iter().filter(|c| !**c).count();
    let error = (aerial_alone * (1.0 - aerial_alone) / uncovered.max(1) as f64).sqrt();
    let harmless = |trials: &[FusionTrial]| {
        let enough = |t: &&FusionTrial| t.recalls[1] >= aerial_alone - error;
        let best = best_of(trials.iter().filter(enough)).or_else(|| best_of(trials));
        best.copied().ok_or(WorldError::NoPlace)
    };
    let best = harmless(&trials)?;
    if best.bias > 0.0 {
        let cosine = best.bias / best.best.kappa as f32;
        search.refine(&best, cosine, &mut trials)?;
    }
    let best = harmless(&trials)?;
    Ok(FusionChoice {
        table: search.table(best.interpolated, best.n0, best.bias)?,
        best,
        trials,
    })
}

/// Queries of known cells.
struct Asked<'a> {
    vectors: Vec<&'a [f32]>,
    places: Vec<LatLng>,
    covered: Vec<bool>,
}

impl<'a> Asked<'a> {
    fn new(queries: &'a WorldQueries) -> Self {
        let known = |i: &usize| queries.slices.get(*i) != Some(&Slice::Unseen);
        let vectors: Vec<&[f32]> = queries.rows().collect();
        let rows: Vec<usize> = (0..vectors.len()).filter(known).collect();
        Self {
            vectors: rows
                .iter()
                .filter_map(|&i| vectors.get(i).copied())
                .collect(),
            places: rows
                .iter()
                .filter_map(|&i| Some(queries.photos.get(i)?.location))
                .collect(),
            covered: rows
                .iter()
                .map(|&i| queries.slices.get(i) == Some(&Slice::Covered))
                .collect(),
        }
    }
}

/// What every trial needs.
struct Search<'a> {
    cells: &'a HybridCells,
    config: &'a HybridConfig,
    prototypes: &'a CellPrototypes,
    aerial: &'a [f32],
    asked: Asked<'a>,
}

impl Search<'_> {
    fn is_right(&self, i: usize, hit: &Hit) -> bool {
        let truth = self.asked.places.get(i).copied();
        truth
            .zip(hit.place)
            .is_some_and(|(t, p)| haversine_km(t, p.location) <= self.cells.cell_width_km())
    }

    fn table(&self, interpolated: bool, n0: f32, bias: f32) -> Result<FusedTable, WorldError> {
        let weighted = self.prototypes.weighted_by_photos(n0);
        let weighted = if interpolated {
            weighted.interpolated(self.cells)
        } else {
            weighted
        };
        let table = weighted.table(self.cells, self.aerial)?;
        Ok(if bias > 0.0 {
            table.with_biases(0.0, bias)
        } else {
            table
        })
    }

    /// One κ, and its recall in covered and in uncovered cells.
    fn judge(&self, table: &FusedTable, kappa: f64) -> Result<(KappaPoint, [f64; 2]), WorldError> {
        let index = FusedIndex::new(table)?;
        let depth = self.config.kappa.depth.max(1);
        let queries: Vec<Query> = self
            .asked
            .vectors
            .iter()
            .map(|q| Query::new(q).weights(&[1.0, kappa as f32]).k(depth))
            .collect();
        let answers = index.search_batch(&queries)?;
        let mut found = [(0_usize, 0_u32); 2];
        let mut reciprocal = 0.0;
        for (i, (answer, covered)) in answers.iter().zip(&self.asked.covered).enumerate() {
            let rank = answer.hits.iter().position(|hit| self.is_right(i, hit));
            let of = &mut found[usize::from(!covered)];
            *of = (of.0 + usize::from(rank == Some(0)), of.1 + 1);
            reciprocal += rank.map_or(0.0, |rank| 1.0 / (rank + 1) as f64);
        }
        let n = queries.len().max(1) as f64;
        let point = KappaPoint {
            kappa,
            recall: found.iter().map(|f| f.0).sum::<usize>() as f64 / n,
            reciprocal_rank: reciprocal / n,
        };
        let recalls = found.map(|(right, all)| right as f64 / f64::from(all.max(1)));
        Ok((point, recalls))
    }

    /// The best κ where cells without a prototype get nothing.
    fn plain(&self, interpolated: bool, n0: f32) -> Result<FusionTrial, WorldError> {
        let table = self.table(interpolated, n0, 0.0)?;
        let index = FusedIndex::new(&table)?;
        let is_right = |i: usize, hit: &Hit| self.is_right(i, hit);
        let best = calibrate_kappa(&index, &self.asked.vectors, is_right, &self.config.kappa)?.best;
        Ok(FusionTrial {
            interpolated,
            n0,
            bias: 0.0,
            recalls: self.judge(&table, best.kappa)?.1,
            best,
        })
    }

    /// One κ where cells without a prototype get a cosine.
    fn trial(&self, way: &FusionTrial, kappa: f64, cosine: f32) -> Result<FusionTrial, WorldError> {
        let bias = kappa as f32 * cosine;
        let table = self.table(way.interpolated, way.n0, bias)?;
        let (best, recalls) = self.judge(&table, kappa)?;
        Ok(FusionTrial {
            bias,
            best,
            recalls,
            ..*way
        })
    }

    /// Golden-section search for κ between the neighbours of the best one, with the cosine that it was
    /// best with.
    fn refine(
        &self,
        best: &FusionTrial,
        cosine: f32,
        trials: &mut Vec<FusionTrial>,
    ) -> Result<(), WorldError> {
        let ratio = (5f64.sqrt() - 1.0) / 2.0;
        let (mut low, mut high) = (best.best.kappa / 1.4, best.best.kappa * 1.4);
        let inner = |low: f64, high: f64| {
            let (a, b) = (low.ln(), high.ln());
            [b - ratio * (b - a), a + ratio * (b - a)].map(f64::exp)
        };
        for _ in 0..self.config.kappa.refinements / 2 {
            let [left, right] = inner(low, high);
            let pair = [
                self.trial(best, left, cosine)?,
                self.trial(best, right, cosine)?,
            ];
            // Of equal ones the left: the smaller κ.
            if key(&pair[1]) > key(&pair[0]) {
                low = left;
            } else {
                high = right;
            }
            trials.extend(pair);
        }
        Ok(())
    }
}

fn key(trial: &FusionTrial) -> (f64, f64) {
    (trial.best.recall, trial.best.reciprocal_rank)
}

fn best_of<'a>(trials: impl IntoIterator<Item = &'a FusionTrial>) -> Option<&'a FusionTrial> {
    trials
        .into_iter()
        .reduce(|a, b| if key(b) > key(a) { b } else { a })
}
