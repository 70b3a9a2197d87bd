//! Adaptive S2 partition: small cells where photos are many.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::encode::leaves_of;
use crate::{CellId, LatLng, Level};

use super::assembly::{Ground, assemble};
use super::report::ReportParts;
use super::{
    CellLocation, DropReason, Dropped, Partition, PartitionBuilder, PartitionError, PartitionReport,
};

/// What becomes of cells with too few points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum SmallCells {
    /// They are dropped with their points, as in PlaNet. The default, and the only choice that
    /// keeps partitions of different thresholds nested.
    #[default]
    #[serde(alias = "drop")]
    Drop,
    /// The small children of a divided cell are joined to one class, the rest of that cell,
    /// together with its empty children; while that rest is still too small, it joins the rest of
    /// the next larger cell, and at last that of the world, which is dropped if even that is too
    /// small.
    #[serde(alias = "rescue")]
    Rescue,
}

/// Adaptive partition: a cell is divided while it holds more than `split_above` points, and
/// dropped when it holds fewer than `drop_below`.
///
/// The procedure of PlaNet (Weyand, Kostrikov, Philbin, 2016, section 3) and of Müller-Budack et
/// al. (2018). Points become sorted leaf ids, so that a cell is a contiguous range of them and a
/// division is three binary searches; a class is located by its leaf ids (to 1 cm), which makes
/// the result independent of the order of the points.
///
/// Points that share one place cannot be divided: they end in a cell of `max_level`, however many.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{AdaptivePartition, LatLng, PartitionBuilder};
///
/// let mut points = vec![LatLng::new(48.85, 2.35)?; 3];
/// points.extend([LatLng::new(51.5, -0.12)?; 2]);
/// points.push(LatLng::new(-33.8, 151.2)?);
/// let config = AdaptivePartition { split_above: 4, drop_below: 2, ..AdaptivePartition::default() };
/// let (partition, report) = config.build(&points)?;
/// assert_eq!(partition.len(), 2);
/// assert_eq!((report.placed, report.dropped[0].points), (5, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdaptivePartition {
    /// A cell with more points than this is divided (PlaNet: 10,000).
    pub split_above: u64,
    /// A cell with fewer points than this is no class (PlaNet: 50).
    pub drop_below: u64,
    /// Cells coarser than this are always divided.
    pub min_level: Level,
    /// Cells of this level are never divided.
    pub max_level: Level,
    /// What becomes of cells with fewer than `drop_below` points.
    pub small_cells: SmallCells,
    /// Which place stands for a class.
    pub location: CellLocation,
}

impl Default for AdaptivePartition {
    /// 10,000 and 50 points as PlaNet, all levels, small cells dropped, spherical mean.
    fn default() -> Self {
        Self {
            split_above: 10_000,
            drop_below: 50,
            min_level: Level::FACE,
            max_level: Level::LEAF,
            small_cells: SmallCells::Drop,
            location: CellLocation::SphericalMean,
        }
    }
}

/// Ground that was too small for a class of its own.
#[derive(Default)]
struct Rest {
    ground: Vec<Ground>,
    points: u64,
}

/// The recursion over sorted leaves.
struct Division<'a> {
    config: &'a AdaptivePartition,
    leaves: &'a [CellId],
    classes: Vec<Vec<Ground>>,
    dropped: Dropped,
}

impl AdaptivePartition {
    fn check(&self) -> Result<(), PartitionError> {
        if self.split_above < self.drop_below {
            return Err(PartitionError::Thresholds {
                split_above: self.split_above,
                drop_below: self.drop_below,
            });
        }
        if self.min_level > self.max_level {
            return Err(PartitionError::Levels {
                min: self.min_level,
                max: self.max_level,
            });
        }
        Ok(())
    }

    /// Divides the world by leaf ids, in any order: the lean way for very many points, 8 bytes
    /// each, which can be encoded chunk by chunk with [`leaf_ids`](crate::leaf_ids).
    ///
    /// The report has no oracle error, since the coordinates are gone.
    ///
    /// # Errors
    ///
    /// As [`build`](PartitionBuilder::build).
    pub fn build_from_leaves(
        &self,
        mut leaves: Vec<CellId>,
    ) -> Result<(Partition, PartitionReport), PartitionError> {
        self.check()?;
        for cell in &mut leaves {
            // A coarser cell stands for its first leaf.
            if !cell.is_leaf() {
                *cell = cell.range_min();
            }
        }
        leaves.sort_unstable();
        self.build_from_sorted(&leaves)
    }

    /// As [`build_from_leaves`](Self::build_from_leaves), for sorted leaves.
    pub(crate) fn build_from_sorted(
        &self,
        leaves: &[CellId],
    ) -> Result<(Partition, PartitionReport), PartitionError> {
        self.check()?;
        if leaves.is_empty() {
            return Err(PartitionError::NoPoints);
        }
        let mut division = Division {
            config: self,
            leaves,
            classes: Vec::new(),
            dropped: Dropped {
                reason: DropReason::SmallCell,
                points: 0,
                cells: 0,
            },
        };
        let mut world = Rest::default();
        let mut start = 0;
        for face in CellId::faces() {
            let end = division.end_of(face, start..leaves.len());
            division.visit(face, start..end, &mut world);
            start = end;
        }
        division.settle(&mut world, true);
        let Division {
            classes, dropped, ..
        } = division;
        if classes.is_empty() {
            return Err(PartitionError::NoClasses {
                points: leaves.len() as u64,
                drop_below: self.drop_below,
            });
        }
        let partition = assemble(leaves, classes, self.location)?;
        let report = ReportParts {
            builder: self.describe(),
            points: leaves.len() as u64,
            dropped: vec![dropped],
        }
        .report(&partition);
        Ok((partition, report))
    }

    fn describe(&self) -> String {
        format!(
            "adaptive S2 cells: split above {}, {} below {}, levels {} to {}",
            self.split_above,
            match self.small_cells {
                SmallCells::Drop => "drop",
                SmallCells::Rescue => "rescue",
            },
            self.drop_below,
            self.min_level,
            self.max_level
        )
    }
}

impl PartitionBuilder for AdaptivePartition {
    fn build(&self, points: &[LatLng]) -> Result<(Partition, PartitionReport), PartitionError> {
        self.check()?;
        let (partition, mut report) = self.build_from_leaves(leaves_of(points))?;
        report.add_coordinates(&partition, points);
        Ok((partition, report))
    }
}

impl Division<'_> {
    /// End of the leaves of `cell`, which start at `range.start`.
    fn end_of(&self, cell: CellId, range: Range<usize>) -> usize {
        let last = cell.range_max();
        range.start + self.leaves[range].partition_point(|leaf| *leaf <= last)
    }

    fn visit(&mut self, cell: CellId, range: Range<usize>, parent_rest: &mut Rest) {
        let count = range.len() as u64;
        let level = cell.level();
        let rescue = self.config.small_cells == SmallCells::Rescue;
        if count == 0 || (count < self.config.drop_below && !rescue) {
            if count > 0 {
                self.dropped.points += count;
                self.dropped.cells += 1;
            } else if rescue {
                parent_rest.ground.push(Ground { cell, range });
            }
            return;
        }
        let divide = level < self.config.min_level
            || (count > self.config.split_above && level < self.config.max_level);
        if !divide {
            let ground = Ground { cell, range };
            if count < self.config.drop_below {
                parent_rest.ground.push(ground);
                parent_rest.points += count;
            } else {
                self.classes.push(vec![ground]);
            }
            return;
        }
        let mut rest = Rest::default();
        let mut start = range.start;
        for child in cell.children().into_iter().flatten() {
            let end = self.end_of(child, start..range.end);
            self.visit(child, start..end, &mut rest);
            start = end;
        }
        self.settle(&mut rest, false);
        parent_rest.points += rest.points;
        parent_rest.ground.append(&mut rest.ground);
    }

    /// Makes a class of the rest of a cell if it is large enough; at the end of the world it is
    /// dropped otherwise.
    fn settle(&mut self, rest: &mut Rest, last: bool) {
        if rest.points > 0 && rest.points >= self.config.drop_below {
            self.classes.push(std::mem::take(&mut rest.ground));
            rest.points = 0;
        } else if last {
            self.dropped.points += rest.points;
            self.dropped.cells += rest.ground.iter().filter(|g| !g.range.is_empty()).count() as u64;
            rest.ground.clear();
            rest.points = 0;
        }
    }
}

#[cfg(test)]
#[path = "adaptive_tests.rs"]
mod tests;
