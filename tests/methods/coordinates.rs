//! Heads that answer coordinates.

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

use super::label_space::LabelSpaces;
use super::{Named, Size, Visit};

/// One place, a place in each cell, a density.
pub(crate) fn coordinates(spaces: &LabelSpaces, size: Size, visit: &mut impl Visit) {
    let decoder = ScaledCoordinatesDecoder { spread_km: 100.0 };
    let decoders: [Named<_>; 1] = [("place", &decoder)];
    for sigmoid in [true, false] {
        let head = ScaledRegressionHeadConfig {
            hidden: size.of(8, 512),
            // There is nothing to overfit, and the output of this head is blurred by it.
            dropout: 0.0,
            hidden_dropout: 0.0,
            sigmoid,
        };
        let name = format!("scaled regression, sigmoid: {sigmoid}");
        let loss = HaversineLoss::default();
        visit.method(&name, &head, loss, ScaledPlaces, &decoders);
    }

    let head = DirectionHeadConfig {
        hidden: size.of(8, 512),
        ..DirectionHeadConfig::default()
    };
    let decoder = DirectionDecoder { spread_km: 100.0 };
    let decoders: [Named<_>; 1] = [("place", &decoder)];
    for discrepancy in [
        Discrepancy::HalfSquaredChord,
        Discrepancy::Angle,
        Discrepancy::Score { scale_km: 1492.7 },
    ] {
        let name = format!("unit vector, {discrepancy:?}");
        let loss = DirectionLoss { discrepancy };
        visit.method(&name, &head, loss, UnitVectors, &decoders);
    }

    let cells = &spaces.cells;
    let frames = CellFrames::new(cells.clone(), 25.0);
    let decoder = HybridDecoder::new(frames.clone(), 3);
    let decoders: [Named<_>; 1] = [("moved cell", &decoder)];
    for shared in [false, true] {
        let head = HybridHeadConfig {
            cells: cells.len(),
            dropout: 0.0,
            shared,
        };
        let targets = CellsWithOffsets {
            frames: frames.clone(),
        };
        let name = format!("cell and offset, shared: {shared}");
        let loss = CellOffsetLoss::default();
        visit.method(&name, &head, loss, targets, &decoders);
    }

    let head = MixtureHeadConfig {
        components: size.of(3, 8),
        ..MixtureHeadConfig::default()
    };
    let decoder = MixtureDecoder::default();
    let decoders: [Named<_>; 1] = [("heaviest mode", &decoder)];
    visit.method("mixture", &head, MixtureNll, UnitVectors, &decoders);

    let head = FlowHeadConfig {
        blocks: size.of(1, 3),
        width: size.of(8, 96),
        expansion: 2,
    };
    let decoder = FlowDecoder {
        sampler: FlowSampler {
            steps: size.of(4, 24),
            ..FlowSampler::default()
        },
        samples: size.of(4, 8),
        ..FlowDecoder::default()
    };
    let decoders: [Named<_>; 1] = [("densest samples", &decoder)];
    let targets = FlowTargets::default();
    visit.method("flow", &head, FlowMatching, targets, &decoders);
}
