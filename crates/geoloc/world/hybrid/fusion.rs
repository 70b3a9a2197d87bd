//! How the two parts are joined, chosen on validation queries.

use serde::{Deserialize, Serialize};

use super::{HybridConfig, HybridRun, Slice, WorldQueries};
use crate::geo_cells::haversine_km;
use crate::hybrid::CellPrototypes;
use crate::retrieval::{Calibration, FusedIndex, FusedTable, Hit, calibrate_kappa};
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
/// queries in covered and uncovered cells.
pub(super) fn choose(
    run: &HybridRun,
    config: &HybridConfig,
    prototypes: &CellPrototypes,
    aerial: &[f32],
) -> Result<FusionChoice, WorldError> {
    let covered = (config.validation as f64 * config.ground.covered) as usize;
    let counts = [covered, config.validation - covered, 0];
    // Test queries are stream 0.
    let queries = WorldQueries::new(run, counts, 1)?;
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
    let attempt = |interpolated: bool, n0: f32, bias: f32| {
        let index = FusedIndex::new(&table(interpolated, n0, bias)?)?;
        Ok::<_, WorldError>(FusionTrial {
            interpolated,
            n0,
            bias,
            calibration: calibrate_kappa(&index, &vectors, is_right, &config.kappa)?,
        })
    };
    let mut trials = vec![attempt(false, 0.0, 0.0)?];
    trials.push(attempt(true, 0.0, 0.0)?);
    let so_far = best_of(&trials).ok_or(WorldError::NoPlace)?.interpolated;
    trials.push(attempt(so_far, 10.0, 0.0)?);
    // A cell without a prototype competes with the best of thousands of prototypes, whose cosine is
    // well above 0: the bias stands for a cosine, so it goes with κ.
    let plain = best_of(&trials).ok_or(WorldError::NoPlace)?.clone();
    let kappa = plain.calibration.best.kappa as f32;
    for cosine in [0.1, 0.2, 0.3, 0.4, 0.5] {
        trials.push(attempt(plain.interpolated, plain.n0, kappa * cosine)?);
    }
    let best = best_of(&trials).ok_or(WorldError::NoPlace)?.clone();
    debug_assert!(queries.slices.iter().all(|&s| s != Slice::Unseen));
    Ok(FusionChoice {
        table: table(best.interpolated, best.n0, best.bias)?,
        best,
        trials,
    })
}

fn best_of(trials: &[FusionTrial]) -> Option<&FusionTrial> {
    let key = |t: &FusionTrial| {
        let best = t.calibration.best;
        (best.recall, best.reciprocal_rank)
    };
    trials
        .iter()
        .reduce(|a, b| if key(b) > key(a) { b } else { a })
}
