//! Administrative regions: polygons with names, divided and merged by the density of photos.

mod adjacency;
mod bytes;
mod index;
mod map;
mod merge;
mod optics;
mod polygon;
mod split;

use serde::{Deserialize, Serialize};

pub use index::RegionIndex;
pub use map::RegionMap;
pub use optics::optics_clusters;
pub use polygon::{Polygon, PolygonError, Region};

use super::fit::{fit, in_canonical_order};
use super::report::ReportParts;
use super::{
    CellLocation, DropReason, Dropped, Geometry, Partition, PartitionBuilder, PartitionError,
    PartitionReport,
};
use crate::LatLng;

/// One round of the division of large regions: OPTICS clusters (Ankerst et al. 1999) of a
/// steepness.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OpticsRound {
    /// Points that a neighbourhood must hold, the point itself included; at least 2.
    pub min_samples: usize,
    /// Steepness that bounds a cluster, in (0, 1).
    pub xi: f64,
}

/// Semantic cells as PIGEON's (Haas, Skreta, Alberti, Finn 2024, section 3.1, from the published
/// description): start from administrative regions, join those with too few points to a neighbour,
/// divide those with too many by density.
///
/// **Join.** The group with the fewest points below `min_points` is joined, again and again, to a
/// bordering group: preferably a small one of the same parent, then a large one of the same parent,
/// then a small one elsewhere, then any, and without a border the nearest; among equals the one
/// whose points are nearest.
///
/// **Divide.** A group with more than `max_points` is clustered round by round; clusters of at
/// least `min_points` become seeds, and ground belongs to the nearest seed of its group (Voronoi
/// cells on the sphere, clipped by the group's polygons).
///
/// Deviations: clusters are sought among at most [`max_clustered`](Self::max_clustered) points of a
/// group, evenly drawn; borders are found by vertices closer than `border_deg`.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{LatLng, PartitionBuilder, Polygon, Region, RegionPartition};
///
/// let square = |west: f64| Polygon::new(vec![vec![
///     [west, 0.0], [west + 1.0, 0.0], [west + 1.0, 1.0], [west, 1.0], [west, 0.0],
/// ]]);
/// let regions = vec![
///     Region { name: "west".into(), parent: None, polygons: vec![square(0.0)?] },
///     Region { name: "east".into(), parent: None, polygons: vec![square(1.0)?] },
/// ];
/// let mut points = vec![LatLng::new(0.5, 0.5)?; 3];
/// points.push(LatLng::new(0.5, 1.5)?);
/// let each = RegionPartition { min_points: 1, ..RegionPartition::new(regions.clone()) };
/// assert_eq!(each.build(&points)?.0.len(), 2);
/// let joined = RegionPartition { min_points: 2, ..RegionPartition::new(regions) };
/// assert_eq!(joined.build(&points)?.0.name(0), Some("west + east"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RegionPartition {
    /// The regions, smallest units first choice (districts rather than countries).
    pub regions: Vec<Region>,
    /// A region with fewer points is joined to another.
    pub min_points: u64,
    /// A region with more points is divided.
    pub max_points: u64,
    /// The rounds of the division, strictest last.
    pub rounds: Vec<OpticsRound>,
    /// Points of a group that are clustered at most.
    pub max_clustered: usize,
    /// Vertices closer than this many degrees make two regions neighbours.
    pub border_deg: f64,
    /// Which place stands for a class.
    pub location: CellLocation,
}

impl RegionPartition {
    /// The published options of PIGEON: 30 to 60 points, three rounds.
    #[must_use]
    pub fn new(regions: Vec<Region>) -> Self {
        let round = |min_samples, xi| OpticsRound { min_samples, xi };
        Self {
            regions,
            min_points: 30,
            max_points: 60,
            rounds: vec![round(8, 0.05), round(10, 0.025), round(15, 0.015)],
            max_clustered: 5000,
            border_deg: 0.01,
            location: CellLocation::SphericalMean,
        }
    }

    fn check(&self) -> Result<(), PartitionError> {
        if self.regions.is_empty() {
            return Err(PartitionError::Length {
                what: "regions",
                expected: 1,
                actual: 0,
            });
        }
        if self.max_points < self.min_points {
            return Err(PartitionError::Thresholds {
                split_above: self.max_points,
                drop_below: self.min_points,
            });
        }
        if !(self.border_deg > 0.0 && self.border_deg <= 1.0) {
            return Err(PartitionError::Option {
                option: "border_deg",
                value: self.border_deg,
                requirement: "in (0, 1]",
            });
        }
        for round in &self.rounds {
            if round.min_samples < 2 {
                return Err(PartitionError::Option {
                    option: "min_samples",
                    value: round.min_samples as f64,
                    requirement: "at least 2",
                });
            }
            if !(round.xi > 0.0 && round.xi < 1.0) {
                return Err(PartitionError::Option {
                    option: "xi",
                    value: round.xi,
                    requirement: "in (0, 1)",
                });
            }
        }
        Ok(())
    }
}

impl PartitionBuilder for RegionPartition {
    fn build(&self, points: &[LatLng]) -> Result<(Partition, PartitionReport), PartitionError> {
        self.check()?;
        if points.is_empty() {
            return Err(PartitionError::NoPoints);
        }
        let ordered = in_canonical_order(points);
        let whole = RegionIndex::whole(&self.regions)?;
        let mut inside: Vec<Vec<LatLng>> = vec![Vec::new(); self.regions.len()];
        let mut outside = 0;
        for p in &ordered {
            match whole.index_of(*p).and_then(|region| inside.get_mut(region)) {
                Some(list) => list.push(*p),
                None => outside += 1,
            }
        }
        let group_of = merge::groups(self, &inside);
        let groups = group_of.iter().max().map_or(0, |g| g + 1);
        let mut points_of: Vec<Vec<LatLng>> = vec![Vec::new(); groups];
        let mut regions_of: Vec<Vec<&Region>> = vec![Vec::new(); groups];
        for ((region, list), &group) in self.regions.iter().zip(&inside).zip(&group_of) {
            points_of[group].extend(list);
            regions_of[group].push(region);
        }
        let (mut seeds, mut class_names, mut members) = (Vec::new(), Vec::new(), Vec::new());
        for (list, regions) in points_of.iter().zip(&regions_of) {
            let ordered = in_canonical_order(list);
            let polygons = regions.iter().flat_map(|region| &region.polygons);
            let vertices: Vec<LatLng> = polygons.flat_map(Polygon::vertices).collect();
            let found = split::seeds(self, &ordered, &vertices);
            let names: Vec<&str> = regions.iter().map(|region| region.name.as_str()).collect();
            let name = joined_name(&names);
            let start = seeds.len() as u32;
            if found.len() > 1 {
                class_names.extend((1..=found.len()).map(|k| format!("{name} #{k}")));
            } else {
                class_names.push(name);
            }
            seeds.extend(found);
            members.push((start..seeds.len() as u32).collect::<Vec<_>>());
        }
        let polygons = self
            .regions
            .iter()
            .zip(&group_of)
            .flat_map(|(region, &group)| {
                region
                    .polygons
                    .iter()
                    .map(move |polygon| (polygon.clone(), group as u32))
            })
            .collect();
        let index = RegionIndex::new(polygons, members, seeds.clone())?;
        let partition = fit(
            Geometry::Regions(index),
            &seeds,
            Some(class_names),
            &ordered,
            self.location,
        )?;
        let report = ReportParts {
            builder: format!(
                "{} regions, join below {}, divide above {}",
                self.regions.len(),
                self.min_points,
                self.max_points
            ),
            points: points.len() as u64,
            dropped: vec![Dropped {
                reason: DropReason::OutsideRegions,
                points: outside,
                cells: 0,
            }],
        }
        .report_with(&partition, points);
        Ok((partition, report))
    }
}

/// At most three names, then how many more.
fn joined_name(names: &[&str]) -> String {
    match names {
        [a, b, c, rest @ ..] if !rest.is_empty() => {
            format!("{a} + {b} + {c} + {} more", rest.len())
        }
        _ => names.join(" + "),
    }
}

#[cfg(test)]
#[path = "regions_tests.rs"]
mod tests;
