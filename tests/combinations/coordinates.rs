//! Heads that answer coordinates.

use crate::check::{check, with_every_encoder};
use crate::ground::Ground;
use geoloc::core::CellFrames;
use geoloc::heads::flow::{FlowDecoder, FlowHeadConfig, FlowSampler};
use geoloc::heads::hybrid::{HybridDecoder, HybridHeadConfig};
use geoloc::heads::mixture::{MixtureDecoder, MixtureHeadConfig};
use geoloc::heads::regression::{
    DirectionDecoder, DirectionHeadConfig, ScaledCoordinatesDecoder, ScaledRegressionHeadConfig,
};
use geoloc::losses::{
    CellOffsetLoss, CellsWithOffsets, DirectionLoss, Discrepancy, FlowMatching, FlowTargets,
    HaversineLoss, MixtureNll, ScaledPlaces, UnitVectors,
};

#[test]
fn coordinates() {
    let ground = Ground::new();
    let cells = &ground.cells;
    with_every_encoder(|on| {
        let head = ScaledRegressionHeadConfig {
            hidden: 8,
            sigmoid: true,
            ..ScaledRegressionHeadConfig::default()
        };
        let decoder = ScaledCoordinatesDecoder { spread_km: 100.0 };
        let linear = ScaledRegressionHeadConfig {
            sigmoid: false,
            ..head.clone()
        };
        for head in [head, linear] {
            let loss = HaversineLoss::default();
            check(on, &head, loss, ScaledPlaces, &[&decoder]);
        }

        let head = DirectionHeadConfig {
            hidden: 8,
            ..DirectionHeadConfig::default()
        };
        let decoder = DirectionDecoder { spread_km: 100.0 };
        for discrepancy in [
            Discrepancy::HalfSquaredChord,
            Discrepancy::Angle,
            Discrepancy::Score { scale_km: 1492.7 },
        ] {
            let loss = DirectionLoss { discrepancy };
            check(on, &head, loss, UnitVectors, &[&decoder]);
        }

        let frames = CellFrames::new(cells.clone(), 25.0);
        let decoder = HybridDecoder::new(frames.clone(), 3);
        for shared in [false, true] {
            let head = HybridHeadConfig {
                cells: cells.len(),
                dropout: 0.0,
                shared,
            };
            let targets = CellsWithOffsets {
                frames: frames.clone(),
            };
            check(on, &head, CellOffsetLoss::default(), targets, &[&decoder]);
        }

        let head = MixtureHeadConfig {
            components: 3,
            ..MixtureHeadConfig::default()
        };
        let decoder = MixtureDecoder { keep: 3 };
        check(on, &head, MixtureNll, UnitVectors, &[&decoder]);

        let head = FlowHeadConfig {
            blocks: 1,
            width: 8,
            expansion: 2,
        };
        let decoder = FlowDecoder {
            sampler: FlowSampler {
                steps: 4,
                ..FlowSampler::default()
            },
            samples: 4,
            ..FlowDecoder::default()
        };
        check(on, &head, FlowMatching, FlowTargets::default(), &[&decoder]);
    });
}
