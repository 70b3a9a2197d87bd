//! What a builder did with the points.

use serde::{Deserialize, Serialize};

use crate::{LatLng, Level};

use super::Partition;
use super::oracle::OracleError;
use super::suspicious::SuspiciousCoordinates;

/// Why points are in no class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum DropReason {
    /// Their cell had fewer points than the builder's minimum.
    SmallCell,
    /// They lie in none of the given regions.
    OutsideRegions,
    /// They are too far from all named places.
    TooFar,
}

/// Points that the partition left out for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Why.
    pub reason: DropReason,
    /// Number of points.
    pub points: u64,
    /// Number of cells or places that held them; 0 where the reason knows none.
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

/// Least, middle and most of a quantity over the classes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// The median (the lower of two middle values).
    pub median: f64,
    /// The mean.
    pub mean: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        Some(Self {
            min: *values.first()?,
            median: *values.get((values.len() - 1) / 2)?,
            mean: values.iter().sum::<f64>() / values.len() as f64,
            max: *values.last()?,
        })
    }
}

/// What a builder did with the points. `Display` prints it as text.
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
    /// Classes that are one cell, by level, coarsest first; empty for partitions that are not of
    /// S2 cells.
    pub levels: Vec<LevelCount>,
    /// Points a class.
    pub points_per_class: Option<Spread>,
    /// Area of the classes in km²; `None` for polygons and nearest-place ground.
    pub areas_km2: Option<Spread>,
    /// Distance from each point to the location of its class: what a perfect classifier would
    /// score. `None` where the coordinates were not kept.
    pub oracle: Option<OracleError>,
    /// Coordinates that look wrong. `None` where the coordinates were not kept.
    pub suspicious: Option<SuspiciousCoordinates>,
}

/// What a builder knows when it is done.
pub(crate) struct ReportParts {
    pub(crate) builder: String,
    pub(crate) points: u64,
    pub(crate) dropped: Vec<Dropped>,
}

impl ReportParts {
    /// The report without what needs the coordinates.
    pub(crate) fn report(self, partition: &Partition) -> PartitionReport {
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
            points_per_class: Spread::of(partition.counts().iter().map(|&c| c as f64).collect()),
            areas_km2: partition
                .geometry()
                .areas_km2(partition.len())
                .and_then(Spread::of),
            oracle: None,
            suspicious: None,
        }
    }

    /// The whole report.
    pub(crate) fn report_with(self, partition: &Partition, points: &[LatLng]) -> PartitionReport {
        let mut report = self.report(partition);
        report.add_coordinates(partition, points);
        report
    }
}

impl PartitionReport {
    pub(crate) fn add_coordinates(&mut self, partition: &Partition, points: &[LatLng]) {
        self.oracle = OracleError::measure(partition, points);
        self.suspicious = Some(SuspiciousCoordinates::find(points));
    }
}

impl std::fmt::Display for PartitionReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.builder)?;
        writeln!(
            f,
            "points    {} given, {} placed in {} classes",
            self.points, self.placed, self.classes
        )?;
        for d in &self.dropped {
            let why = match d.reason {
                DropReason::SmallCell => "in cells that are too small",
                DropReason::OutsideRegions => "outside all regions",
                DropReason::TooFar => "too far from all places",
            };
            writeln!(f, "dropped   {} points {why} ({} cells)", d.points, d.cells)?;
        }
        if let Some(s) = self.points_per_class {
            writeln!(
                f,
                "a class   {} to {} points, median {}, mean {:.1}",
                s.min, s.max, s.median, s.mean
            )?;
        }
        if let Some(s) = self.areas_km2 {
            writeln!(
                f,
                "areas     {:.3e} to {:.3e} km2, median {:.3e}",
                s.min, s.max, s.median
            )?;
        }
        if !self.levels.is_empty() {
            write!(f, "levels   ")?;
            for l in &self.levels {
                write!(f, " {}:{}", l.level, l.cells)?;
            }
            writeln!(f)?;
        }
        if let Some(oracle) = &self.oracle {
            write!(f, "{oracle}")?;
        }
        if let Some(suspicious) = &self.suspicious {
            write!(f, "{suspicious}")?;
        }
        Ok(())
    }
}
