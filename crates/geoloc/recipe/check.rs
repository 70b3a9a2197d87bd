//! Whether the parts of a recipe go together.

use super::{PartitionChoice, PhaseChoice, Recipe, RecipeError};
use crate::approach::{ApproachConfig, GroundKind};
use crate::backbones::pooling::PoolingConfig;
use crate::heads::flow::FlowSampler;
use crate::locate::{AnyEncoderConfig, check_input};
use crate::photos::check_places;
use crate::trainer::begins;

impl Recipe {
    /// Checks all that can be checked without photos.
    ///
    /// # Errors
    ///
    /// [`RecipeError::Key`] names the first key that is out of range, or does not go with the others.
    pub fn check(&self) -> Result<(), RecipeError> {
        let encoder = self.encoder.resolve()?;
        let input = self.input.apply(encoder.input);
        check_input(&encoder.config, &input).map_err(|e| RecipeError::key("input", e))?;
        self.augment
            .check()
            .map_err(|e| RecipeError::key("augment", e))?;
        if self.encoder.frozen && !self.augment.is_identity() {
            let reason = "a frozen encoder sees each photo once, unchanged: remove the changes, or \
                          set encoder.frozen = false";
            return Err(RecipeError::key("augment", reason));
        }
        self.check_encoder(&encoder.config)?;
        self.check_ground()?;
        self.check_approach()?;
        if let Some(photos) = self.training.photos_per_place {
            if self.approach.place_km().is_none() {
                let approach = self.approach.name();
                let reason = format!("the approach `{approach}` does not learn from pairs");
                return Err(RecipeError::key("training.photos_per_place", reason));
            }
            check_places(self.training.batch, photos)?;
        }
        self.training
            .trainer_config(1000, None, self.encoder.trained(&encoder.config))?;
        let radii = &self.evaluation.radii_km;
        let rising = radii.windows(2).all(|pair| pair[0] < pair[1]);
        let positive = radii.iter().all(|r| r.is_finite() && *r > 0.0);
        if radii.is_empty() || !rising || !positive {
            let reason = "must be positive and increasing";
            return Err(RecipeError::key("evaluation.radii_km", reason));
        }
        Ok(())
    }

    /// Weights that begin at random have to be trained.
    fn check_encoder(&self, config: &AnyEncoderConfig) -> Result<(), RecipeError> {
        let (inner, pooling) = match config {
            AnyEncoderConfig::Pooled { pooling, .. } => ("encoder.encoder", Some(pooling)),
            _ => ("encoder", None),
        };
        let random = self.encoder.weights.is_none();
        if random && self.encoder.frozen {
            let reason = "needs `weights`: without a file the encoder has random ones, which a frozen \
                          encoder keeps";
            return Err(RecipeError::key("encoder.frozen", reason));
        }
        let pooling = pooling.is_some_and(PoolingConfig::is_random_at_first);
        let parts = [(inner, random), ("encoder.pooling", pooling)];
        for (part, _) in parts.into_iter().filter(|(_, random)| *random) {
            let rests = |phase: &PhaseChoice| phase.frozen.iter().any(|name| begins(part, name));
            if self.training.phases.iter().all(rests) {
                let reason = format!("all of them freeze `{part}`, whose weights are random");
                return Err(RecipeError::key("training.phases", reason));
            }
        }
        Ok(())
    }

    fn check_ground(&self) -> Result<(), RecipeError> {
        let needs = self.approach.ground();
        let found = self.partition.as_ref();
        let found = found.map_or(GroundKind::Whole, PartitionChoice::kind);
        if needs != found {
            let approach = self.approach.name();
            let reason = format!("the approach `{approach}` needs {needs}, not {found}");
            return Err(RecipeError::key("partition", reason));
        }
        let of_labels = matches!(self.partition, Some(PartitionChoice::Classes(_)));
        if self.approach.needs_classes() && !of_labels {
            let reason = "the approach `classes` needs the type `classes`; `classifier` takes any";
            return Err(RecipeError::key("partition.type", reason));
        }
        if let Some(PartitionChoice::Combinatorial(choice)) = &self.partition {
            if choice.sets.is_empty() {
                let reason = "there must be at least one set";
                return Err(RecipeError::key("partition.sets", reason));
            }
            let with_features = choice.sets.iter().position(|s| s.features.is_some());
            if let Some(set) = with_features {
                let key = format!("partition.sets[{set}].features");
                let reason = "a recipe has no features of cells";
                return Err(RecipeError::key(key, reason));
            }
        }
        Ok(())
    }

    fn check_approach(&self) -> Result<(), RecipeError> {
        match &self.approach {
            ApproachConfig::SceneExperts(options) if options.scenes.is_empty() => {
                let reason = "there must be at least one scene";
                Err(RecipeError::key("approach.scenes", reason))
            }
            ApproachConfig::Geoclip(options) if options.gallery == 0 => {
                let reason = "there must be at least one place";
                Err(RecipeError::key("approach.gallery", reason))
            }
            ApproachConfig::Flow(options) => {
                let sampler = FlowSampler {
                    steps: options.steps,
                    guidance: options.guidance,
                    ..FlowSampler::default()
                };
                let checked = sampler.check();
                checked.map_err(|e| RecipeError::key("approach", e))?;
                if (0.0..1.0).contains(&options.drop) {
                    return Ok(());
                }
                Err(RecipeError::key("approach.drop", "must be in [0, 1)"))
            }
            ApproachConfig::Retrieval(options)
                if !(options.positive_km > 0.0 && options.positive_km <= options.negative_km) =>
            {
                let reason = "must be above 0 and not above negative_km";
                Err(RecipeError::key("approach.positive_km", reason))
            }
            _ => Ok(()),
        }
    }
}
