//! All cells of one level.

use serde::{Deserialize, Serialize};

use crate::encode::leaves_of;
use crate::{CellId, LatLng, Level};

use super::assembly::{Ground, assemble};
use super::report::ReportParts;
use super::{
    AdaptivePartition, CellLocation, Partition, PartitionBuilder, PartitionError, PartitionReport,
};

/// The finest level at which empty cells may be kept: 6.3 million cells.
const FINEST_COMPLETE: u8 = 10;

/// Cells of one level: those with points, or all of them.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{FixedLevelPartition, LatLng, Level, PartitionBuilder};
///
/// let points = [LatLng::new(48.85, 2.35)?, LatLng::new(48.86, 2.36)?];
/// let all = FixedLevelPartition { level: Level::new(3)?, keep_empty: true, ..Default::default() };
/// let (partition, _) = all.build(&points)?;
/// assert_eq!(partition.len(), 6 * 64);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FixedLevelPartition {
    /// The level of all cells.
    pub level: Level,
    /// A cell with fewer points is dropped.
    pub drop_below: u64,
    /// Whether every cell of the level is a class, with points or not; only up to level 10, and
    /// with `drop_below` at most 1.
    pub keep_empty: bool,
    /// Which place stands for a class.
    pub location: CellLocation,
}

impl Default for FixedLevelPartition {
    /// Level 8 (about 1,300 km² a cell), cells with points only.
    fn default() -> Self {
        Self {
            level: Level::EIGHTH,
            drop_below: 1,
            keep_empty: false,
            location: CellLocation::SphericalMean,
        }
    }
}

impl PartitionBuilder for FixedLevelPartition {
    fn build(&self, points: &[LatLng]) -> Result<(Partition, PartitionReport), PartitionError> {
        let (partition, mut report) = if self.keep_empty {
            self.build_complete(points)?
        } else {
            let adaptive = AdaptivePartition {
                split_above: u64::MAX,
                drop_below: self.drop_below,
                min_level: self.level,
                max_level: self.level,
                location: self.location,
                ..AdaptivePartition::default()
            };
            adaptive.build(points)?
        };
        report.builder = format!(
            "S2 cells of level {}, drop below {}, {}",
            self.level,
            self.drop_below,
            if self.keep_empty {
                "empty cells kept"
            } else {
                "cells with points only"
            }
        );
        Ok((partition, report))
    }
}

impl FixedLevelPartition {
    fn build_complete(
        &self,
        points: &[LatLng],
    ) -> Result<(Partition, PartitionReport), PartitionError> {
        if points.is_empty() {
            return Err(PartitionError::NoPoints);
        }
        if self.level.get() > FINEST_COMPLETE {
            return Err(PartitionError::Option {
                option: "level",
                value: f64::from(self.level.get()),
                requirement: "at most 10 where empty cells are kept",
            });
        }
        if self.drop_below > 1 {
            return Err(PartitionError::Option {
                option: "drop_below",
                value: self.drop_below as f64,
                requirement: "0 or 1 where empty cells are kept",
            });
        }
        let mut leaves = leaves_of(points);
        leaves.sort_unstable();
        let mut cells = CellId::faces().to_vec();
        for _ in 0..self.level.get() {
            cells = cells
                .iter()
                .filter_map(|c| c.children())
                .flatten()
                .collect();
        }
        let mut start = 0;
        let classes = cells
            .into_iter()
            .map(|cell| {
                let last = cell.range_max();
                let end = start + leaves[start..].partition_point(|leaf| *leaf <= last);
                let ground = Ground {
                    cell,
                    range: start..end,
                };
                start = end;
                vec![ground]
            })
            .collect();
        let partition = assemble(&leaves, classes, self.location)?;
        let report = ReportParts {
            builder: String::new(),
            points: points.len() as u64,
            dropped: Vec::new(),
        }
        .report_with(&partition, points);
        Ok((partition, report))
    }
}
