//! Partitions of the world into classes.
//!
//! A [`Partition`] is what a classification head, its target encoder and its decoder agree on. One
//! type serves every builder; only its [`Geometry`] knows whether the ground is cut into S2 cells,
//! boxes, polygons or the regions nearest to given places.

mod adaptive;
mod anchors;
mod assembly;
mod boxes;
mod bytes;
mod cell_index;
mod error;
mod fit;
mod fixed;
mod geoclass;
mod geometry;
mod geometry_bytes;
mod hierarchy;
mod kmeans;
mod labelled;
mod location;
mod named;
mod nearest;
mod oracle;
mod pooled;
mod quadtree;
mod regions;
mod report;
mod suspicious;

use std::sync::OnceLock;

pub use adaptive::{AdaptivePartition, SmallCells};
pub use anchors::Anchors;
pub use boxes::{BoxIndex, LatLngBox};
pub use cell_index::CellIndex;
pub use error::{PartitionBytesError, PartitionError};
pub use fixed::FixedLevelPartition;
pub use geoclass::{CellFeatures, GeoclassSetConfig, GeoclassSets};
pub use geometry::Geometry;
pub use hierarchy::{Hierarchy, NestedPartition};
pub use kmeans::SphericalKMeans;
pub use location::CellLocation;
pub use named::NamedPlaces;
pub use oracle::{ACCURACY_RADII_KM, OracleError};
pub use quadtree::{QuadtreePartition, QuadtreeRoot};
pub use regions::{
    OpticsRound, Polygon, PolygonError, Region, RegionIndex, RegionMap, RegionPartition,
    optics_clusters,
};
pub use report::{DropReason, Dropped, LevelCount, PartitionReport, Spread};
pub use suspicious::SuspiciousCoordinates;

use crate::encode::leaves_of;
use crate::{CellId, LatLng};
use nearest::NearestIndex;

/// Builds a partition from training points.
///
/// Every builder is deterministic: the same points in any order give the same partition, bit for
/// bit, and so the same [content hash](Partition::content_hash).
pub trait PartitionBuilder {
    /// Divides the world by `points`.
    ///
    /// # Errors
    ///
    /// [`PartitionError`] if the configuration is contradictory, there are no points or no class
    /// is left.
    fn build(&self, points: &[LatLng]) -> Result<(Partition, PartitionReport), PartitionError>;
}

/// Classes of ground: for each a place that stands for it, how many training points it had and how
/// far they spread.
///
/// Classes are numbered `0..len()`; the number is the class index of heads and targets.
#[derive(Debug, Clone)]
pub struct Partition {
    locations: Vec<LatLng>,
    spreads_km: Vec<f64>,
    counts: Vec<u64>,
    names: Option<Vec<String>>,
    geometry: Geometry,
    nearest: OnceLock<NearestIndex>,
}

/// One class while a partition is put together.
#[derive(Debug, Clone)]
pub(crate) struct Class {
    pub(crate) location: LatLng,
    pub(crate) spread_km: f64,
    pub(crate) count: u64,
}

impl Partition {
    pub(crate) fn from_parts(
        classes: &[Class],
        names: Option<Vec<String>>,
        geometry: Geometry,
    ) -> Result<Self, PartitionError> {
        if u32::try_from(classes.len()).is_err() {
            return Err(PartitionError::TooManyClasses {
                classes: classes.len(),
            });
        }
        if let Some(names) = &names
            && names.len() != classes.len()
        {
            return Err(PartitionError::Length {
                what: "names of classes",
                expected: classes.len(),
                actual: names.len(),
            });
        }
        Ok(Self {
            locations: classes.iter().map(|c| c.location).collect(),
            spreads_km: classes.iter().map(|c| c.spread_km).collect(),
            counts: classes.iter().map(|c| c.count).collect(),
            names,
            geometry,
            nearest: OnceLock::new(),
        })
    }

    /// Number of classes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.locations.len()
    }

    /// Whether there are no classes (never so for a built partition).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.locations.is_empty()
    }

    /// The place that stands for class `index`; by default the mean of its training points.
    #[must_use]
    pub fn location(&self, index: usize) -> Option<LatLng> {
        self.locations.get(index).copied()
    }

    /// The places of all classes, by class index.
    #[must_use]
    pub fn locations(&self) -> &[LatLng] {
        &self.locations
    }

    /// How far the training points of class `index` lie from its location: root of the mean
    /// squared chord, in km.
    #[must_use]
    pub fn spread_km(&self, index: usize) -> Option<f64> {
        self.spreads_km.get(index).copied()
    }

    /// Number of training points of class `index`.
    #[must_use]
    pub fn count(&self, index: usize) -> Option<u64> {
        self.counts.get(index).copied()
    }

    /// Number of training points of each class.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// What is known of class `index`.
    pub(crate) fn class(&self, index: usize) -> Option<Class> {
        Some(Class {
            location: self.location(index)?,
            spread_km: self.spread_km(index)?,
            count: self.count(index)?,
        })
    }

    /// Name of class `index`, where classes have names.
    #[must_use]
    pub fn name(&self, index: usize) -> Option<&str> {
        self.names.as_ref()?.get(index).map(String::as_str)
    }

    /// Names of all classes, where classes have names.
    #[must_use]
    pub fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    /// The S2 cell of class `index`, where the class is exactly one cell.
    #[must_use]
    pub fn cell(&self, index: usize) -> Option<CellId> {
        self.geometry.cell(index)
    }

    /// The ground of the classes.
    #[must_use]
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The class of a place; `None` where the ground belongs to no class.
    ///
    /// Callers choose what such ground means: skip the photo, as PlaNet does, or take the
    /// [`nearest`](Self::nearest) class.
    #[must_use]
    pub fn index_of(&self, p: LatLng) -> Option<usize> {
        self.geometry.index_of(p)
    }

    /// The class of each place, as [`index_of`](Self::index_of).
    #[must_use]
    pub fn indices_of(&self, places: &[LatLng]) -> Vec<Option<u32>> {
        match &self.geometry {
            Geometry::Cells(cells) => leaves_of(places)
                .into_iter()
                .map(|leaf| cells.class_of(leaf).map(|c| c as u32))
                .collect(),
            geometry => places
                .iter()
                .map(|p| geometry.index_of(*p).map(|class| class as u32))
                .collect(),
        }
    }

    /// The class whose location is nearest by chord; the lowest index of equals, `None` only for a
    /// partition without classes.
    #[must_use]
    pub fn nearest(&self, p: LatLng) -> Option<usize> {
        let index = self
            .nearest
            .get_or_init(|| NearestIndex::new(&self.locations));
        index.nearest(p).map(|(class, _)| class)
    }
}

impl PartialEq for Partition {
    fn eq(&self, other: &Self) -> bool {
        self.locations == other.locations
            && self.spreads_km == other.spreads_km
            && self.counts == other.counts
            && self.names == other.names
            && self.geometry == other.geometry
    }
}
