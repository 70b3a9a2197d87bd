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

impl<V: Views> Arena<'_, V> {
    pub(super) fn scaled_regression(&self) -> Result<ApproachOutcome, WorldError> {
        let about = "Scaled latitude and longitude, linear output as published, haversine loss.";
        self.scaled(false, about)
    }

    pub(super) fn sigmoid_regression(&self) -> Result<ApproachOutcome, WorldError> {
        self.scaled(
            true,
            "The same with a sigmoid that keeps the output within the map.",
        )
    }

    fn scaled(&self, sigmoid: bool, about: &str) -> Result<ApproachOutcome, WorldError> {
        let head = ScaledRegressionHeadConfig {
            sigmoid,
            ..ScaledRegressionHeadConfig::default()
        };
        let mut trained = self.train(&head, HaversineLoss::default(), ScaledPlaces)?;
        let model = &trained.model;
        let spread_km = self.typical_error_km(&|input| {
            ScaledCoordinatesDecoder::default().decode(model.forward(input))
        })?;
        let decoder = ScaledCoordinatesDecoder { spread_km };
        let method = self.judge_model("", about, &trained.model, &decoder)?;
        trained.outcome.methods = vec![method];
        Ok(trained.outcome)
    }

    pub(super) fn unit_regression(&self) -> Result<ApproachOutcome, WorldError> {
        let head = DirectionHeadConfig::default();
        let mut trained = self.train(&head, DirectionLoss::default(), UnitVectors)?;
        let model = &trained.model;
        let spread_km = self
            .typical_error_km(&|input| DirectionDecoder::default().decode(model.forward(input)))?;
        let decoder = DirectionDecoder { spread_km };
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
        let decoder = MixtureDecoder {
            keep: KEEP,
            ..MixtureDecoder::default()
        };
        let about = "16 von Mises-Fisher densities; the heaviest mode.";
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
