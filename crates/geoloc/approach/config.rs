//! The choice of an approach.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::GroundKind;
use super::options::{
    ClassesOptions, ClassifierOptions, CombinatorialOptions, CosineOptions, FlowOptions,
    GeoclipOptions, HierarchicalOptions, HybridOptions, MixtureOptions, RetrievalOptions,
    ScaledRegressionOptions, SceneExpertsOptions, UnitRegressionOptions,
};
use crate::core::ConfigError;

/// An approach with its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ApproachConfig {
    /// Softmax over the cells of a partition.
    Classifier(ClassifierOptions),
    /// Softmax over cosines to a prototype of each cell.
    Cosine(CosineOptions),
    /// Softmax over labelled classes.
    Classes(ClassesOptions),
    /// Scaled coordinates, as published.
    ScaledRegression(ScaledRegressionOptions),
    /// A unit vector.
    UnitRegression(UnitRegressionOptions),
    /// Nested partitions.
    Hierarchical(HierarchicalOptions),
    /// Overlapping class sets.
    Combinatorial(CombinatorialOptions),
    /// Cells with offsets.
    Hybrid(HybridOptions),
    /// A mixture of densities.
    Mixture(MixtureOptions),
    /// A flow on the sphere.
    Flow(FlowOptions),
    /// One classifier for each kind of scene.
    SceneExperts(SceneExpertsOptions),
    /// Images and places in one space.
    Geoclip(GeoclipOptions),
    /// Nearest training photos.
    Retrieval(RetrievalOptions),
}

/// Why the parts of an approach do not fit each other.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ApproachError {
    /// It needs the ground divided in another way.
    #[error("the approach `{approach}` needs {needs}, not {found}")]
    Ground {
        /// Name of the approach.
        approach: &'static str,
        /// What it needs.
        needs: GroundKind,
        /// What there is.
        found: GroundKind,
    },
    /// A setting of its decoder is out of range.
    #[error("the approach `{approach}`: {source}")]
    Setting {
        /// Name of the approach.
        approach: &'static str,
        /// Which setting, and why.
        source: ConfigError,
    },
}

impl ApproachConfig {
    /// The name in files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Classifier(_) => "classifier",
            Self::Cosine(_) => "cosine",
            Self::Classes(_) => "classes",
            Self::ScaledRegression(_) => "scaled_regression",
            Self::UnitRegression(_) => "unit_regression",
            Self::Hierarchical(_) => "hierarchical",
            Self::Combinatorial(_) => "combinatorial",
            Self::Hybrid(_) => "hybrid",
            Self::Mixture(_) => "mixture",
            Self::Flow(_) => "flow",
            Self::SceneExperts(_) => "scene_experts",
            Self::Geoclip(_) => "geoclip",
            Self::Retrieval(_) => "retrieval",
        }
    }

    /// How it needs the ground divided.
    #[must_use]
    pub fn ground(&self) -> GroundKind {
        match self {
            Self::Classifier(_)
            | Self::Cosine(_)
            | Self::Classes(_)
            | Self::Hybrid(_)
            | Self::SceneExperts(_) => GroundKind::Cells,
            Self::Hierarchical(_) => GroundKind::Nested,
            Self::Combinatorial(_) => GroundKind::Sets,
            Self::ScaledRegression(_)
            | Self::UnitRegression(_)
            | Self::Mixture(_)
            | Self::Flow(_)
            | Self::Geoclip(_)
            | Self::Retrieval(_) => GroundKind::Whole,
        }
    }

    /// Whether its classes are those of labels.
    #[must_use]
    pub fn needs_classes(&self) -> bool {
        matches!(self, Self::Classes(_))
    }

    /// Names of the scenes that photos have to be labelled with, if any.
    #[must_use]
    pub fn scenes(&self) -> Option<&[String]> {
        match self {
            Self::SceneExperts(options) => Some(&options.scenes),
            _ => None,
        }
    }

    /// How far apart two photos of one place are at most, in km, where it learns from pairs of photos.
    #[must_use]
    pub fn place_km(&self) -> Option<f64> {
        match self {
            Self::Retrieval(options) => Some(options.positive_km),
            _ => None,
        }
    }

    /// The radius that its answers state, where the model itself says nothing about it: to be
    /// measured on validation photos.
    pub fn stated_radius_km(&mut self) -> Option<&mut f64> {
        match self {
            Self::ScaledRegression(options) => Some(&mut options.spread_km),
            Self::UnitRegression(options) => Some(&mut options.spread_km),
            _ => None,
        }
    }

    /// The share of a cell's spread that is left about a place moved by an offset: to be measured on
    /// validation photos.
    pub fn offset_residual(&mut self) -> Option<&mut f64> {
        match self {
            Self::Hybrid(options) => Some(&mut options.residual),
            _ => None,
        }
    }
}
