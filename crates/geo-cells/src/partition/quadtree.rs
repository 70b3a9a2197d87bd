//! Quadtree over latitude and longitude.

use serde::{Deserialize, Serialize};

use crate::LatLng;

use super::fit::{fit, in_canonical_order};
use super::report::ReportParts;
use super::{
    BoxIndex, CellLocation, DropReason, Dropped, Geometry, LatLngBox, Partition, PartitionBuilder,
    PartitionError, PartitionReport,
};

/// What the quadtree divides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum QuadtreeRoot {
    /// The smallest box around the points, as in OSV-5M: ground outside it has no class.
    #[default]
    #[serde(alias = "points")]
    Points,
    /// All latitudes and longitudes.
    #[serde(alias = "world")]
    World,
}

/// Quadtree over latitude and longitude, as the baselines of OSV-5M (Astruc et al. 2024): a box is
/// divided into four equal boxes while it holds more than `split_above` points and is not at
/// `max_depth`; boxes without points are no classes.
///
/// Every place on a border belongs to exactly one box, and places outside all boxes to none; in
/// the published code both silently become class 0.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{LatLng, PartitionBuilder, QuadtreePartition};
///
/// let mut points = vec![LatLng::new(-60.0, -170.0)?, LatLng::new(80.0, 170.0)?];
/// points.extend(vec![LatLng::new(48.85, 2.35)?; 5]);
/// let config = QuadtreePartition { split_above: 3, max_depth: 2, ..Default::default() };
/// let (partition, _) = config.build(&points)?;
/// assert_eq!(partition.len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuadtreePartition {
    /// A box with more points than this is divided.
    pub split_above: u64,
    /// A box with fewer points is dropped.
    pub drop_below: u64,
    /// How often a box may be divided; at most 50.
    pub max_depth: u8,
    /// What is divided.
    pub root: QuadtreeRoot,
    /// Which place stands for a class.
    pub location: CellLocation,
}

impl Default for QuadtreePartition {
    /// 1,000 points and depth 10, as the published partition of OSV-5M.
    fn default() -> Self {
        Self {
            split_above: 1000,
            drop_below: 1,
            max_depth: 10,
            root: QuadtreeRoot::Points,
            location: CellLocation::SphericalMean,
        }
    }
}

impl PartitionBuilder for QuadtreePartition {
    fn build(&self, points: &[LatLng]) -> Result<(Partition, PartitionReport), PartitionError> {
        if self.split_above < self.drop_below {
            return Err(PartitionError::Thresholds {
                split_above: self.split_above,
                drop_below: self.drop_below,
            });
        }
        if self.max_depth > 50 {
            return Err(PartitionError::Option {
                option: "max_depth",
                value: f64::from(self.max_depth),
                requirement: "at most 50",
            });
        }
        let ordered = in_canonical_order(points);
        let root = match self.root {
            QuadtreeRoot::World => LatLngBox::WORLD,
            QuadtreeRoot::Points => around(&ordered).ok_or(PartitionError::NoPoints)?,
        };
        if ordered.is_empty() {
            return Err(PartitionError::NoPoints);
        }
        let mut division = Division {
            config: self,
            boxes: Vec::new(),
            dropped: Dropped {
                reason: DropReason::SmallCell,
                points: 0,
                cells: 0,
            },
        };
        division.visit(root, ordered.clone(), 0);
        let Division { boxes, dropped, .. } = division;
        if boxes.is_empty() {
            return Err(PartitionError::NoClasses {
                points: points.len() as u64,
                drop_below: self.drop_below,
            });
        }
        let middle =
            |(index, b): (usize, &LatLngBox)| b.center().ok_or(PartitionError::Box { index });
        let centers = boxes.iter().enumerate().map(middle);
        let centers = centers.collect::<Result<Vec<_>, _>>()?;
        let geometry = Geometry::Boxes(BoxIndex::new(boxes)?);
        let partition = fit(geometry, &centers, None, &ordered, self.location)?;
        let report = ReportParts {
            builder: format!(
                "quadtree of latitude and longitude: split above {}, drop below {}, depth {}",
                self.split_above, self.drop_below, self.max_depth
            ),
            points: points.len() as u64,
            dropped: vec![dropped],
        }
        .report_with(&partition, points);
        Ok((partition, report))
    }
}

struct Division<'a> {
    config: &'a QuadtreePartition,
    boxes: Vec<LatLngBox>,
    dropped: Dropped,
}

impl Division<'_> {
    fn visit(&mut self, b: LatLngBox, points: Vec<LatLng>, depth: u8) {
        let count = points.len() as u64;
        if count == 0 {
            return;
        }
        if count < self.config.drop_below {
            self.dropped.points += count;
            self.dropped.cells += 1;
            return;
        }
        if count <= self.config.split_above || depth >= self.config.max_depth {
            self.boxes.push(b);
            return;
        }
        let middle_lat = 0.5 * (b.min_lat + b.max_lat);
        let middle_lng = 0.5 * (b.min_lng + b.max_lng);
        // South-west, south-east, north-west, north-east.
        let mut quarters: [Vec<LatLng>; 4] = Default::default();
        for p in points {
            let quarter =
                2 * usize::from(p.lat() >= middle_lat) + usize::from(p.lng() >= middle_lng);
            if let Some(list) = quarters.get_mut(quarter) {
                list.push(p);
            }
        }
        for (k, points) in quarters.into_iter().enumerate() {
            let (north, east) = (k >= 2, k % 2 == 1);
            let quarter = LatLngBox {
                min_lat: if north { middle_lat } else { b.min_lat },
                max_lat: if north { b.max_lat } else { middle_lat },
                min_lng: if east { middle_lng } else { b.min_lng },
                max_lng: if east { b.max_lng } else { middle_lng },
            };
            self.visit(quarter, points, depth + 1);
        }
    }
}

fn around(points: &[LatLng]) -> Option<LatLngBox> {
    let first = points.first()?;
    let start = LatLngBox {
        min_lat: first.lat(),
        max_lat: first.lat(),
        min_lng: first.lng(),
        max_lng: first.lng(),
    };
    Some(points.iter().fold(start, |b, p| LatLngBox {
        min_lat: b.min_lat.min(p.lat()),
        max_lat: b.max_lat.max(p.lat()),
        min_lng: b.min_lng.min(p.lng()),
        max_lng: b.max_lng.max(p.lng()),
    }))
}

#[cfg(test)]
#[path = "quadtree_tests.rs"]
mod tests;
