//! Approaches that answer coordinates.

use super::arena::{Arena, KEEP};
use super::outcome::ApproachOutcome;
use super::views::Views;
use crate::core::Decoder;
use crate::heads::flow::{FlowDecoder, FlowHeadConfig, FlowSampler};
use crate::heads::mixture::{MixtureDecoder, MixtureHeadConfig};
use crate::heads::regression::{
    DirectionDecoder, DirectionHeadConfig, ScaledCoordinatesDecoder, ScaledRegressionHeadConfig,
};
use crate::losses::{
    DirectionLoss, FlowMatching, FlowTargets, HaversineLoss, MixtureNll, ScaledPlaces, UnitVectors,
};
use crate::world::WorldError;

/// Root mean square over median of the length of a normal vector in the plane.
const SPREAD_OF_MEDIAN: f64 = 1.201;

impl<V: Views> Arena<'_, V> {
    pub(super) fn scaled_regression(&self) -> Result<ApproachOutcome, WorldError> {
        // The loss wraps around the antimeridian and the answer does not: a linear output, which starts
        // at the corner of the map, leaves it to the west and is trained well beyond it.
        let head = ScaledRegressionHeadConfig {
            sigmoid: true,
            ..ScaledRegressionHeadConfig::default()
        };
        let mut trained = self.train(&head, HaversineLoss::default(), ScaledPlaces)?;
        let model = &trained.model;
        let typical = self.typical_error_km(&|input| {
            ScaledCoordinatesDecoder::default().decode(model.forward(input))
        })?;
        let decoder = ScaledCoordinatesDecoder {
            spread_km: SPREAD_OF_MEDIAN * typical,
        };
        let about = "Latitude and longitude scaled to (0, 1) by a sigmoid, haversine loss.";
        let method = self.judge_model("", about, &trained.model, &decoder)?;
        trained.outcome.methods = vec![method];
        Ok(trained.outcome)
    }

    pub(super) fn unit_regression(&self) -> Result<ApproachOutcome, WorldError> {
        let head = DirectionHeadConfig::default();
        let mut trained = self.train(&head, DirectionLoss::default(), UnitVectors)?;
        let model = &trained.model;
        let typical = self
            .typical_error_km(&|input| DirectionDecoder::default().decode(model.forward(input)))?;
        let decoder = DirectionDecoder {
            spread_km: SPREAD_OF_MEDIAN * typical,
        };
        let about = "Unit vector, half the squared chord as loss.";
        let method = self.judge_model("", about, &trained.model, &decoder)?;
        trained.outcome.methods = vec![method];
        Ok(trained.outcome)
    }

    pub(super) fn mixture(&self) -> Result<ApproachOutcome, WorldError> {
        let head = MixtureHeadConfig {
            components: 16,
            ..MixtureHeadConfig::default()
        };
        let mut trained = self.train(&head, MixtureNll, UnitVectors)?;
        let decoder = MixtureDecoder { keep: KEEP };
        let about = "16 von Mises-Fisher densities; the highest mode.";
        let method = self.judge_model("", about, &trained.model, &decoder)?;
        trained.outcome.methods = vec![method];
        Ok(trained.outcome)
    }

    pub(super) fn flow(&self) -> Result<ApproachOutcome, WorldError> {
        let head = FlowHeadConfig {
            blocks: 4,
            width: 128,
            expansion: 2,
        };
        let mut trained = self.train(&head, FlowMatching, FlowTargets::default())?;
        let about = "Flow matching on the sphere, 4 blocks of width 128; mode of 16 samples.";
        // Published are 250 steps of 12 blocks of width 512, on a GPU.
        let decoder = FlowDecoder {
            sampler: FlowSampler {
                steps: 16,
                ..FlowSampler::default()
            },
            samples: 16,
            keep: KEEP,
            ..FlowDecoder::default()
        };
        let method = self.judge_model("", about, &trained.model, &decoder)?;
        trained.outcome.methods = vec![method];
        Ok(trained.outcome)
    }
}
