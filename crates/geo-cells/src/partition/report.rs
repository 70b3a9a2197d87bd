//! What a builder did with the points.

use serde::{Deserialize, Serialize};

use crate::Level;

/// Why points are in no class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum DropReason {
    /// Their cell had fewer points than the builder's minimum.
    SmallCell,
}

/// Points that the partition left out for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Why.
    pub reason: DropReason,
    /// Number of points.
    pub points: u64,
    /// Number of cells or regions that held them.
    pub cells: u64,
}

/// Number of cells at a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelCount {
    /// The level.
    pub level: Level,
    /// Number of classes that are one cell of this level.
    pub cells: u64,
}

/// What a builder did with the points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartitionReport {
    /// Builder and options, in words.
    pub builder: String,
    /// Number of points given.
    pub points: u64,
    /// Number of points in a class.
    pub placed: u64,
    /// Points in no class, by reason.
    pub dropped: Vec<Dropped>,
    /// Number of classes.
    pub classes: usize,
    /// Cells by level, coarsest first; empty for partitions that are not of S2 cells.
    pub levels: Vec<LevelCount>,
}

/// What a builder knows when it is done.
pub(crate) struct ReportParts {
    pub(crate) builder: String,
    pub(crate) points: u64,
    pub(crate) dropped: Vec<Dropped>,
}

impl ReportParts {
    pub(crate) fn report(self, partition: &super::Partition) -> PartitionReport {
        let mut by_level = [0_u64; 31];
        for cell in (0..partition.len()).filter_map(|i| partition.cell(i)) {
            if let Some(count) = by_level.get_mut(usize::from(cell.level().get())) {
                *count += 1;
            }
        }
        let levels = Level::all()
            .zip(by_level)
            .filter(|(_, cells)| *cells > 0)
            .map(|(level, cells)| LevelCount { level, cells })
            .collect();
        PartitionReport {
            builder: self.builder,
            points: self.points,
            placed: partition.counts().iter().sum(),
            dropped: self.dropped.into_iter().filter(|d| d.points > 0).collect(),
            classes: partition.len(),
            levels,
        }
    }
}
