//! How the two parts are joined, chosen on validation queries.

use serde::{Deserialize, Serialize};

use super::{HybridConfig, HybridRun, Slice, WorldQueries};
use crate::geo_cells::haversine_km;
use crate::hybrid::CellPrototypes;
use crate::retrieval::{Calibration, FusedIndex, FusedTable, Hit, calibrate_kappa};
use crate::world::WorldError;

/// A way of joining the parts, κ apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Way {
    /// Whether prototypes are interpolated across the borders of the parents.
    pub interpolated: bool,
    /// Whether parents without photos get the mean of the prototypes around them.
    pub filled: bool,
    /// Prototypes count with n / (n + n0) for n photos.
    pub n0: f32,
    /// Added to the score of cells without a prototype.
    pub bias: f32,
}

/// One way that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FusionTrial {
    /// The way.
    pub way: Way,
    /// Its best κ, and the recall on the validation queries.
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

/// Chooses whether cells without ground photos get the prototypes of their neighbours, whether to
/// interpolate, the weight of the photo count, and the bias of cells without a prototype, in this
/// order, each with its κ for the highest recall at one cell width on validation queries in covered
/// and uncovered cells.
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
    let table = |way: &Way| {
        let mut prototypes = prototypes.weighted_by_photos(way.n0);
        if way.filled {
            prototypes = prototypes.filled(cells);
        }
        if way.interpolated {
            prototypes = prototypes.interpolated(cells);
        }
        let table = prototypes.table(cells, aerial)?;
        Ok::<_, WorldError>(if way.bias > 0.0 {
            table.with_biases(0.0, way.bias)
        } else {
            table
        })
    };
    let mut trials: Vec<FusionTrial> = Vec::new();
    let mut attempt = |way: Way| {
        let index = FusedIndex::new(&table(&way)?)?;
        trials.push(FusionTrial {
            calibration: calibrate_kappa(&index, &vectors, is_right, &config.kappa)?,
            way,
        });
        best_of(&trials).cloned().ok_or(WorldError::NoPlace)
    };
    let plain = attempt(Way::default())?.way;
    let so_far = attempt(Way {
        filled: true,
        ..plain
    })?
    .way;
    let so_far = attempt(Way {
        interpolated: true,
        ..so_far
    })?
    .way;
    let so_far = attempt(Way { n0: 10.0, ..so_far })?;
    // A cell without a prototype competes with the best of thousands of prototypes, whose cosine is
    // well above 0: the bias stands for a cosine, so it goes with κ.
    let kappa = so_far.calibration.best.kappa as f32;
    for cosine in [0.1, 0.2, 0.3, 0.4, 0.5] {
        let bias = kappa * cosine;
        attempt(Way { bias, ..so_far.way })?;
    }
    let best = best_of(&trials).ok_or(WorldError::NoPlace)?.clone();
    debug_assert!(queries.slices.iter().all(|&s| s != Slice::Unseen));
    Ok(FusionChoice {
        table: table(&best.way)?,
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
