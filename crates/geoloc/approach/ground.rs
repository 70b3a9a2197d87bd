//! How the ground is divided, for approaches that divide it.

use std::sync::Arc;

use crate::artifact::{Artifact, ArtifactError};
use crate::geo_cells::{GeoclassSets, Hierarchy, LatLng, Partition, PartitionBytesError};

/// The ground of an approach.
#[derive(Clone, Debug, PartialEq)]
pub enum Ground {
    /// It is not divided.
    Whole,
    /// One partition.
    Cells(Arc<Partition>),
    /// Nested partitions.
    Nested(Arc<Hierarchy>),
    /// Overlapping class sets.
    Sets(Arc<GeoclassSets>),
}

/// The kinds of [`Ground`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroundKind {
    /// [`Ground::Whole`].
    Whole,
    /// [`Ground::Cells`].
    Cells,
    /// [`Ground::Nested`].
    Nested,
    /// [`Ground::Sets`].
    Sets,
}

impl std::fmt::Display for GroundKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Whole => "no partition",
            Self::Cells => "a single partition",
            Self::Nested => "a hierarchy of partitions",
            Self::Sets => "combinatorial class sets",
        })
    }
}

/// Parts of an artifact, below the name of the component.
const HIERARCHY: &str = "hierarchy";
const GEOCLASSES: &str = "geoclasses";

impl Ground {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> GroundKind {
        match self {
            Self::Whole => GroundKind::Whole,
            Self::Cells(_) => GroundKind::Cells,
            Self::Nested(_) => GroundKind::Nested,
            Self::Sets(_) => GroundKind::Sets,
        }
    }

    /// The finest partition: the places that an answer can name.
    #[must_use]
    pub fn finest(&self) -> Option<&Partition> {
        match self {
            Self::Whole => None,
            Self::Cells(partition) => Some(partition),
            Self::Nested(hierarchy) => Some(hierarchy.finest()),
            Self::Sets(sets) => Some(sets.fine()),
        }
    }

    /// Numbers of classes: of each level coarsest first, of each set and then of the fine cells.
    #[must_use]
    pub fn sizes(&self) -> Vec<usize> {
        match self {
            Self::Whole => Vec::new(),
            Self::Cells(partition) => vec![partition.len()],
            Self::Nested(hierarchy) => hierarchy.partitions().map(Partition::len).collect(),
            Self::Sets(sets) => {
                let sizes = (0..sets.set_count()).filter_map(|s| Some(sets.set(s)?.len()));
                sizes.chain([sets.fine().len()]).collect()
            }
        }
    }

    /// Whether a place belongs to a class, of nested partitions to one of each level.
    #[must_use]
    pub fn contains(&self, place: LatLng) -> bool {
        match self {
            Self::Whole => true,
            Self::Cells(partition) => partition.index_of(place).is_some(),
            Self::Nested(hierarchy) => hierarchy.indices_of(place).iter().all(Option::is_some),
            Self::Sets(sets) => sets.indices_of(place).is_some(),
        }
    }

    /// SHA-256 of the content in hexadecimal; empty for [`Ground::Whole`].
    #[must_use]
    pub fn content_hash(&self) -> String {
        match self {
            Self::Whole => String::new(),
            Self::Cells(partition) => partition.content_hash(),
            Self::Nested(hierarchy) => hierarchy.content_hash(),
            Self::Sets(sets) => sets.content_hash(),
        }
    }

    /// Adds it to a component of an artifact.
    pub fn insert(&self, artifact: &mut Artifact, name: &str) {
        match self {
            Self::Whole => {}
            Self::Cells(partition) => artifact.insert_partition(name, partition),
            Self::Nested(h) => artifact.insert_bytes(name, HIERARCHY, h.to_bytes()),
            Self::Sets(s) => artifact.insert_bytes(name, GEOCLASSES, s.to_bytes()),
        }
    }

    /// Reads the ground of a kind from a component of an artifact.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Part`] if it is missing or damaged.
    pub fn read(artifact: &Artifact, name: &str, kind: GroundKind) -> Result<Self, ArtifactError> {
        let damaged = |part: &str, e: PartitionBytesError| ArtifactError::Part {
            part: format!("{name}/{part}"),
            reason: e.to_string(),
        };
        Ok(match kind {
            GroundKind::Whole => Self::Whole,
            GroundKind::Cells => Self::Cells(Arc::new(artifact.partition(name)?)),
            GroundKind::Nested => {
                let bytes = artifact.bytes(name, HIERARCHY)?;
                let hierarchy = Hierarchy::from_bytes(&bytes);
                Self::Nested(Arc::new(hierarchy.map_err(|e| damaged(HIERARCHY, e))?))
            }
            GroundKind::Sets => {
                let bytes = artifact.bytes(name, GEOCLASSES)?;
                let sets = GeoclassSets::from_bytes(&bytes);
                Self::Sets(Arc::new(sets.map_err(|e| damaged(GEOCLASSES, e))?))
            }
        })
    }
}
