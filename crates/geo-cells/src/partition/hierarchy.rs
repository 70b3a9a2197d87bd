//! Nested partitions: coarse, middle, fine, with exact maps from child to parent.

use serde::{Deserialize, Serialize};

use crate::encode::leaves_of;
use crate::{CellId, LatLng, Level};

use super::bytes::{ByteReader, ByteWriter, Kind, hash_of, same_form};
use super::{
    AdaptivePartition, CellLocation, Geometry, Partition, PartitionBytesError, PartitionError,
    PartitionReport, SmallCells,
};

impl Partition {
    /// For each class the class of `coarse` that contains it.
    ///
    /// # Errors
    ///
    /// [`PartitionError::NotNested`] if a class lies in no class of `coarse` or in several;
    /// [`PartitionError::NotCells`] if one of the two is not a partition of S2 cells.
    pub fn parents_in(&self, coarse: &Self) -> Result<Vec<u32>, PartitionError> {
        let (Geometry::Cells(cells), Geometry::Cells(outer)) = (self.geometry(), coarse.geometry())
        else {
            return Err(PartitionError::NotCells {
                operation: "a map to coarser classes",
            });
        };
        let mut parents: Vec<Option<u32>> = vec![None; self.len()];
        for (cell, class) in cells.iter() {
            let parent = outer.class_of(cell).map(|p| p as u32);
            let known = parents.get_mut(class);
            match (parent, known) {
                (Some(_), Some(slot)) if slot.is_none() || *slot == parent => *slot = parent,
                _ => return Err(PartitionError::NotNested { class }),
            }
        }
        parents
            .into_iter()
            .enumerate()
            .map(|(class, parent)| parent.ok_or(PartitionError::NotNested { class }))
            .collect()
    }

    /// The partition with all cells finer than `level` joined to their ancestors of that level, and
    /// the map from the classes of this partition to its classes.
    ///
    /// # Errors
    ///
    /// [`PartitionError::NotNested`] if a class has cells under several such ancestors,
    /// [`PartitionError::NotCells`] if this is not a partition of S2 cells.
    pub fn coarsen(&self, level: Level) -> Result<(Self, Vec<u32>), PartitionError> {
        let Geometry::Cells(cells) = self.geometry() else {
            return Err(PartitionError::NotCells {
                operation: "coarsening",
            });
        };
        let mut ancestors: Vec<Option<CellId>> = vec![None; self.len()];
        for (cell, class) in cells.iter() {
            let ancestor = Some(cell.parent(level).unwrap_or(cell));
            match ancestors.get_mut(class) {
                Some(slot) if slot.is_none() || *slot == ancestor => *slot = ancestor,
                _ => return Err(PartitionError::NotNested { class }),
            }
        }
        let mut distinct = ancestors.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let map: Vec<u32> = ancestors
            .iter()
            .map(|a| distinct.partition_point(|d| d < a) as u32)
            .collect();
        Ok((self.join(&map)?, map))
    }
}

/// Builder of nested adaptive partitions: one threshold a level, the same minimum for all.
///
/// With the same minimum and smaller thresholds, every fine cell has exactly one ancestor in each
/// coarser partition (Müller-Budack et al. 2018 use 5,000, 2,000 and 1,000 with a minimum of 50).
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{LatLng, NestedPartition};
///
/// let mut points = Vec::new();
/// for k in 0..100 {
///     points.push(LatLng::new(48.0 + 0.01 * f64::from(k), 2.0)?);
/// }
/// let config = NestedPartition { split_above: vec![60, 20], drop_below: 2, ..Default::default() };
/// let (hierarchy, reports) = config.build(&points)?;
/// assert_eq!(reports.len(), 2);
/// let parents = hierarchy.ancestors(0).ok_or("two levels")?;
/// assert_eq!(parents.len(), hierarchy.finest().len());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NestedPartition {
    /// A cell with more points is divided: one number a level, coarsest (largest) first.
    pub split_above: Vec<u64>,
    /// A cell with fewer points is dropped.
    pub drop_below: u64,
    /// Cells coarser than this are always divided.
    pub min_level: Level,
    /// Cells of this level are never divided.
    pub max_level: Level,
    /// Which place stands for a class.
    pub location: CellLocation,
}

impl Default for NestedPartition {
    /// 5,000, 2,000 and 1,000 points, minimum 50, levels 2 to 30.
    fn default() -> Self {
        Self {
            split_above: vec![5000, 2000, 1000],
            drop_below: 50,
            min_level: Level::SECOND,
            max_level: Level::LEAF,
            location: CellLocation::SphericalMean,
        }
    }
}

impl NestedPartition {
    /// Divides the world once for each threshold.
    ///
    /// # Errors
    ///
    /// [`PartitionError`] if the thresholds do not decrease, or as
    /// [`AdaptivePartition`](super::AdaptivePartition).
    pub fn build(
        &self,
        points: &[LatLng],
    ) -> Result<(Hierarchy, Vec<PartitionReport>), PartitionError> {
        if self.split_above.is_empty() {
            return Err(PartitionError::Length {
                what: "thresholds of a hierarchy",
                expected: 1,
                actual: 0,
            });
        }
        if let Some(pair) = self.split_above.windows(2).find(|pair| pair[0] <= pair[1]) {
            return Err(PartitionError::Option {
                option: "split_above",
                value: pair[1] as f64,
                requirement: "less than the threshold of the coarser level",
            });
        }
        let mut leaves = leaves_of(points);
        leaves.sort_unstable();
        let mut partitions = Vec::with_capacity(self.split_above.len());
        let mut reports = Vec::with_capacity(self.split_above.len());
        for &split_above in &self.split_above {
            let level = AdaptivePartition {
                split_above,
                drop_below: self.drop_below,
                min_level: self.min_level,
                max_level: self.max_level,
                small_cells: SmallCells::Drop,
                location: self.location,
            };
            let (partition, mut report) = level.build_from_sorted(&leaves)?;
            report.add_coordinates(&partition, points);
            partitions.push(partition);
            reports.push(report);
        }
        Ok((Hierarchy::new(partitions)?, reports))
    }
}

/// Partitions of which each is nested in the one before: coarse to fine.
#[derive(Debug, Clone, PartialEq)]
pub struct Hierarchy {
    /// All but the finest.
    coarser: Vec<Partition>,
    finest: Partition,
    /// For each partition the class that contains each class of the finest.
    ancestors: Vec<Vec<u32>>,
}

impl Hierarchy {
    /// Checks that each partition is nested in the one before, coarsest first.
    ///
    /// # Errors
    ///
    /// [`PartitionError`] if there is no partition or they are not nested.
    pub fn new(mut partitions: Vec<Partition>) -> Result<Self, PartitionError> {
        for pair in partitions.windows(2) {
            if let [coarse, fine] = pair {
                fine.parents_in(coarse)?;
            }
        }
        let Some(finest) = partitions.pop() else {
            return Err(PartitionError::Length {
                what: "partitions of a hierarchy",
                expected: 1,
                actual: 0,
            });
        };
        let ancestors = partitions
            .iter()
            .chain([&finest])
            .map(|coarse| finest.parents_in(coarse))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            coarser: partitions,
            finest,
            ancestors,
        })
    }

    /// Number of partitions.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.coarser.len() + 1
    }

    /// The partitions, coarsest first.
    pub fn partitions(&self) -> impl DoubleEndedIterator<Item = &Partition> + '_ {
        self.coarser.iter().chain([&self.finest])
    }

    /// The finest partition.
    #[must_use]
    pub fn finest(&self) -> &Partition {
        &self.finest
    }

    /// For each class of the finest partition its class in partition `level` (0 is the coarsest).
    #[must_use]
    pub fn ancestors(&self, level: usize) -> Option<&[u32]> {
        self.ancestors.get(level).map(Vec::as_slice)
    }

    /// The class of a place in each partition, coarsest first.
    #[must_use]
    pub fn indices_of(&self, p: LatLng) -> Vec<Option<usize>> {
        self.partitions()
            .map(|partition| partition.index_of(p))
            .collect()
    }

    /// The binary form: versioned, checksummed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = ByteWriter::new(Kind::Hierarchy);
        w.len(self.depth());
        for partition in self.partitions() {
            partition.write(&mut w);
        }
        w.finish()
    }

    /// Reads the binary form; nesting is checked again.
    ///
    /// # Errors
    ///
    /// As [`Partition::from_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PartitionBytesError> {
        let mut r = ByteReader::new(bytes, Kind::Hierarchy)?;
        let n = r.len(1)?;
        let partitions = (0..n)
            .map(|_| Partition::read(&mut r))
            .collect::<Result<_, _>>()?;
        r.finish()?;
        let hierarchy = Self::new(partitions).map_err(|_| PartitionBytesError::Field {
            field: "partitions of the hierarchy",
            index: 0,
        })?;
        same_form(&hierarchy.to_bytes(), bytes)?;
        Ok(hierarchy)
    }

    /// SHA-256 of the content in hexadecimal.
    #[must_use]
    pub fn content_hash(&self) -> String {
        hash_of(&self.to_bytes())
    }
}

#[cfg(test)]
#[path = "hierarchy_tests.rs"]
mod tests;
