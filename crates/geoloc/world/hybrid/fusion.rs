//! How the two parts are joined, chosen on validation queries.

use serde::{Deserialize, Serialize};

use super::{HybridConfig, HybridRun, Slice, WorldQueries};
use crate::geo_cells::haversine_km;
use crate::hybrid::CellPrototypes;
use crate::retrieval::{
    Calibration, FusedIndex, FusedTable, Hit, Query, VectorIndex, calibrate_kappa,
};
use crate::world::WorldError;

/// One way of joining the parts that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FusionTrial {
    /// Whether prototypes are interpolated across the borders of the parents.
    pub interpolated: bool,
    /// Prototypes count with n / (n + n0) for n photos.
    pub n0: f32,
    /// Added to the score of cells without a prototype.
    pub bias: f32,
    /// The best κ of this way, and its recall on the validation queries.
    pub calibration: Calibration,
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
/// ground photos, in this order, each for the highest recall at one cell width on validation
/// queries, half of them in covered and half in uncovered cells.
///
/// Ground photos must not make cells without them harder to find: of the biases only those count with
/// which the uncovered queries are found as often as by aerial codes alone, if there are any.
pub(super) fn choose(
    run: &HybridRun,
    config: &HybridConfig,
    prototypes: &CellPrototypes,
    aerial: &[f32],
) -> Result<FusionChoice, WorldError> {
    let half = config.validation / 2;
    // Test queries are stream 0.
    let queries = WorldQueries::new(run, [half, config.validation - half, 0], 1)?;
    let cells = run.ground.cells();
    let width = cells.cell_width_km();
    let vectors: Vec<&[f32]> = queries.rows().collect();
    let is_right = |i: usize, hit: &Hit| {
        let truth = queries.photos.get(i).map(|p| p.location);
        truth
            .zip(hit.place)
            .is_some_and(|(t, p)| haversine_km(t, p.location) <= width)
    };
    let table = |interpolated: bool, n0: f32, bias: f32| {
        let weighted = prototypes.weighted_by_photos(n0);
        let weighted = if interpolated {
            weighted.interpolated(cells)
        } else {
            weighted
        };
        let table = weighted.table(cells, aerial)?;
        Ok::<_, WorldError>(if bias > 0.0 {
            table.with_biases(0.0, bias)
        } else {
            table
        })
    };
    let recalls = |index: &FusedIndex, kappa: f32| {
        let mut found = [(0_usize, 0_u32); 2];
        for (i, (vector, slice)) in vectors.iter().zip(&queries.slices).enumerate() {
            let hits = index.search(&Query::new(vector).weights(&[1.0, kappa]).k(1))?;
            let right = hits.hits.first().is_some_and(|hit| is_right(i, hit));
            let of = &mut found[usize::from(*slice != Slice::Covered)];
            *of = (of.0 + usize::from(right), of.1 + 1);
        }
        Ok::<_, WorldError>(found.map(|(right, all)| right as f64 / f64::from(all.max(1))))
    };
    let attempt = |interpolated: bool, n0: f32, bias: f32| {
        let index = FusedIndex::new(&table(interpolated, n0, bias)?)?;
        let calibration = calibrate_kappa(&index, &vectors, is_right, &config.kappa)?;
        Ok::<_, WorldError>(FusionTrial {
            interpolated,
            n0,
            bias,
            recalls: recalls(&index, calibration.best.kappa as f32)?,
            calibration,
        })
    };
    let mut trials = vec![attempt(false, 0.0, 0.0)?];
    let aerial_alone = recalls(&FusedIndex::new(&table(false, 0.0, 0.0)?)?, 0.0)?[1];
    trials.push(attempt(true, 0.0, 0.0)?);
    let so_far = best_of(&trials).ok_or(WorldError::NoPlace)?.interpolated;
    trials.push(attempt(so_far, 10.0, 0.0)?);
    // A cell without a prototype competes with the best of thousands of prototypes, whose cosine is
    // well above 0: the bias stands for a cosine, so it goes with κ.
    let plain = best_of(&trials).ok_or(WorldError::NoPlace)?.clone();
    let kappa = plain.calibration.best.kappa as f32;
    for cosine in [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8] {
        trials.push(attempt(plain.interpolated, plain.n0, kappa * cosine)?);
    }
    let harmless = trials.iter().filter(|t| t.recalls[1] >= aerial_alone);
    let best = best_of(harmless).or_else(|| best_of(&trials));
    let best = best.ok_or(WorldError::NoPlace)?.clone();
    debug_assert!(queries.slices.iter().all(|&s| s != Slice::Unseen));
    Ok(FusionChoice {
        table: table(best.interpolated, best.n0, best.bias)?,
        best,
        trials,
    })
}

fn best_of<'a>(trials: impl IntoIterator<Item = &'a FusionTrial>) -> Option<&'a FusionTrial> {
    let key = |t: &FusionTrial| {
        let best = t.calibration.best;
        (best.recall, best.reciprocal_rank)
    };
    trials
        .into_iter()
        .reduce(|a, b| if key(b) > key(a) { b } else { a })
}
