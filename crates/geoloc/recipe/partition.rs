//! The ground of a recipe.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::RecipeError;
use crate::approach::{Ground, GroundKind};
use crate::geo_cells::{
    AdaptivePartition, CellLocation, FixedLevelPartition, GeoclassSetConfig, GeoclassSets, LatLng,
    NestedPartition, Partition, PartitionBuilder, PartitionError, PartitionReport,
    QuadtreePartition, SphericalKMeans,
};

/// How the ground is divided, by the training photos.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PartitionChoice {
    /// Small S2 cells where photos are many.
    Adaptive(AdaptivePartition),
    /// S2 cells of one level.
    Level(FixedLevelPartition),
    /// Boxes of latitude and longitude.
    Quadtree(QuadtreePartition),
    /// Clusters of places.
    Kmeans(SphericalKMeans),
    /// The labels of the photos.
    Classes(ClassPlaces),
    /// Nested adaptive cells.
    Hierarchy(NestedPartition),
    /// Overlapping class sets.
    Combinatorial(CombinatorialChoice),
}

/// Classes by label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClassPlaces {
    /// Which place stands for a class.
    pub location: CellLocation,
}

/// Class sets merged from small cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CombinatorialChoice {
    /// The small cells.
    pub base: AdaptivePartition,
    /// The sets.
    pub sets: Vec<GeoclassSetConfig>,
}

impl PartitionChoice {
    /// The kind of ground that it makes.
    #[must_use]
    pub fn kind(&self) -> GroundKind {
        match self {
            Self::Adaptive(_)
            | Self::Level(_)
            | Self::Quadtree(_)
            | Self::Kmeans(_)
            | Self::Classes(_) => GroundKind::Cells,
            Self::Hierarchy(_) => GroundKind::Nested,
            Self::Combinatorial(_) => GroundKind::Sets,
        }
    }

    /// Divides the ground by places, whose labels are used by [`Self::Classes`] only.
    ///
    /// # Errors
    ///
    /// [`RecipeError::Key`] with what the builder says.
    pub fn build(&self, places: &[LatLng], labels: &[&str]) -> Result<Ground, RecipeError> {
        let failed = |e: PartitionError| RecipeError::key("partition", e);
        let cells = |built: Result<(Partition, PartitionReport), PartitionError>| {
            Ok(Ground::Cells(Arc::new(built.map_err(failed)?.0)))
        };
        match self {
            Self::Adaptive(config) => cells(config.build(places)),
            Self::Level(config) => cells(config.build(places)),
            Self::Quadtree(config) => cells(config.build(places)),
            Self::Kmeans(config) => cells(config.build(places)),
            Self::Classes(config) => {
                let partition = Partition::of_labels(places, labels, config.location);
                Ok(Ground::Cells(Arc::new(partition.map_err(failed)?)))
            }
            Self::Hierarchy(config) => {
                let (hierarchy, _) = config.build(places).map_err(failed)?;
                Ok(Ground::Nested(Arc::new(hierarchy)))
            }
            Self::Combinatorial(config) => {
                let (base, _) = config.base.build(places).map_err(failed)?;
                let sets = GeoclassSets::build(base, &config.sets, &[]).map_err(failed)?;
                Ok(Ground::Sets(Arc::new(sets)))
            }
        }
    }
}
