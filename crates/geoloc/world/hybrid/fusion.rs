//! How the two parts are joined, chosen on validation queries.

use serde::{Deserialize, Serialize};

use super::{HybridConfig, HybridRun, Slice, WorldQueries};
use crate::geo_cells::haversine_km;
use crate::hybrid::CellPrototypes;
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

/// Cosines that a missing prototype is given.
const COSINES: [f32; 9] = [0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65];

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
/// Ground photos must not make cells without them harder to find: of all ways only those count with
/// which as many uncovered queries are found as by aerial codes alone, to within one standard error of
/// that share, if there are any.
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
    // One κ judged in covered and in uncovered cells.
    let judge = |index: &FusedIndex, kappa: f64| {
        let mut found = [(0_usize, 0_u32); 2];
        let mut reciprocal = 0.0;
        for (i, (vector, slice)) in vectors.iter().zip(&queries.slices).enumerate() {
            let query = Query::new(vector).weights(&[1.0, kappa as f32]);
            let hits = index.search(&query.k(config.kappa.depth.max(1)))?.hits;
            let rank = hits.iter().position(|hit| is_right(i, hit));
            let of = &mut found[usize::from(*slice != Slice::Covered)];
            *of = (of.0 + usize::from(rank == Some(0)), of.1 + 1);
            reciprocal += rank.map_or(0.0, |rank| 1.0 / (rank + 1) as f64);
        }
        let n = vectors.len().max(1) as f64;
        let point = KappaPoint {
            kappa,
            recall: found.iter().map(|f| f.0).sum::<usize>() as f64 / n,
            reciprocal_rank: reciprocal / n,
        };
        let recalls = found.map(|(right, all)| right as f64 / f64::from(all.max(1)));
        Ok::<_, WorldError>((point, recalls))
    };
    let calibrated = |interpolated: bool, n0: f32| {
        let index = FusedIndex::new(&table(interpolated, n0, 0.0)?)?;
        let best = calibrate_kappa(&index, &vectors, is_right, &config.kappa)?.best;
        Ok::<_, WorldError>(FusionTrial {
            interpolated,
            n0,
            bias: 0.0,
            recalls: judge(&index, best.kappa)?.1,
            best,
        })
    };
    let mut trials = vec![calibrated(false, 0.0)?, calibrated(true, 0.0)?];
    let so_far = best_of(&trials).ok_or(WorldError::NoPlace)?.interpolated;
    trials.push(calibrated(so_far, 10.0)?);
    // A cell without a prototype competes with the best of thousands of prototypes, whose cosine is
    // well above 0: the bias stands for a cosine, so it goes with κ.
    let plain = best_of(&trials).copied().ok_or(WorldError::NoPlace)?;
    for kappa in [0.5, 0.7, 1.0, 1.4, 2.0].map(|factor| factor * plain.best.kappa) {
        for cosine in COSINES {
            let bias = kappa as f32 * cosine;
            let index = FusedIndex::new(&table(plain.interpolated, plain.n0, bias)?)?;
            let (best, recalls) = judge(&index, kappa)?;
            trials.push(FusionTrial {
                bias,
                best,
                recalls,
                ..plain
            });
        }
    }
    let aerial_alone = judge(&FusedIndex::new(&table(false, 0.0, 0.0)?)?, 0.0)?.1[1];
    let uncovered = (config.validation - half).max(1) as f64;
    let error = (aerial_alone * (1.0 - aerial_alone) / uncovered).sqrt();
    let harmless = trials
        .iter()
        .filter(|t| t.recalls[1] >= aerial_alone - error);
    let best = best_of(harmless).or_else(|| best_of(&trials));
    let best = best.copied().ok_or(WorldError::NoPlace)?;
    debug_assert!(queries.slices.iter().all(|&s| s != Slice::Unseen));
    Ok(FusionChoice {
        table: table(best.interpolated, best.n0, best.bias)?,
        best,
        trials,
    })
}

fn best_of<'a>(trials: impl IntoIterator<Item = &'a FusionTrial>) -> Option<&'a FusionTrial> {
    let key = |t: &FusionTrial| (t.best.recall, t.best.reciprocal_rank);
    trials
        .into_iter()
        .reduce(|a, b| if key(b) > key(a) { b } else { a })
}
