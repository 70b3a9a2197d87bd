//! Spherical k-means.

use serde::{Deserialize, Serialize};

use crate::LatLng;

use super::fit::{fit, in_canonical_order};
use super::location::direction;
use super::nearest::NearestIndex;
use super::report::ReportParts;
use super::{
    Anchors, CellLocation, Geometry, Partition, PartitionBuilder, PartitionError, PartitionReport,
};

/// Clusters of points on the sphere: ground belongs to the nearest centre.
///
/// Lloyd's iteration on unit vectors (Dhillon and Modha 2001). The first centres are places of
/// points at even steps along the Hilbert curve, which follows the density and needs no random numbers.
/// Centres that lose all their points are left out, so the result can have fewer classes.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{LatLng, PartitionBuilder, SphericalKMeans};
///
/// let mut points = vec![LatLng::new(48.85, 2.35)?; 3];
/// points.extend(vec![LatLng::new(-33.8, 151.2)?; 2]);
/// let config = SphericalKMeans { clusters: 2, ..SphericalKMeans::default() };
/// let (partition, _) = config.build(&points)?;
/// assert_eq!(partition.counts().iter().sum::<u64>(), 5);
/// assert_eq!(partition.index_of(LatLng::new(50.0, 0.0)?), partition.index_of(points[0]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SphericalKMeans {
    /// Number of clusters to start with.
    pub clusters: usize,
    /// Iterations at most; fewer if no point changes its cluster.
    pub max_iterations: usize,
    /// Which place stands for a class; ground is always divided by the centres.
    pub location: CellLocation,
}

impl Default for SphericalKMeans {
    /// 1,000 clusters, 50 iterations.
    fn default() -> Self {
        Self {
            clusters: 1000,
            max_iterations: 50,
            location: CellLocation::SphericalMean,
        }
    }
}

impl PartitionBuilder for SphericalKMeans {
    fn build(&self, points: &[LatLng]) -> Result<(Partition, PartitionReport), PartitionError> {
        if points.is_empty() {
            return Err(PartitionError::NoPoints);
        }
        if self.clusters == 0 {
            return Err(PartitionError::Option {
                option: "clusters",
                value: 0.0,
                requirement: "at least 1",
            });
        }
        let ordered = in_canonical_order(points);
        let centers = self.centers(&ordered);
        let geometry = Geometry::Nearest(Anchors::new(centers.clone(), None));
        let partition = fit(geometry, &centers, None, &ordered, self.location)?;
        let report = ReportParts {
            builder: format!(
                "spherical k-means: {} clusters, at most {} iterations",
                self.clusters, self.max_iterations
            ),
            points: points.len() as u64,
            dropped: Vec::new(),
        }
        .report_with(&partition, points);
        Ok((partition, report))
    }
}

impl SphericalKMeans {
    /// The centres after the iteration; each has at least one of the points.
    fn centers(&self, points: &[LatLng]) -> Vec<LatLng> {
        // Different places only: a pile of points at one place needs one centre.
        let mut places = points.to_vec();
        places.dedup();
        let k = self.clusters.min(places.len());
        let mut centers: Vec<LatLng> = (0..k)
            .filter_map(|c| places.get((2 * c + 1) * places.len() / (2 * k)).copied())
            .collect();
        let vectors: Vec<[f64; 3]> = points.iter().map(|p| p.to_unit_vector()).collect();
        let mut assigned = vec![usize::MAX; points.len()];
        for iteration in 0..=self.max_iterations {
            let index = NearestIndex::new(&centers);
            let mut changed = false;
            for (slot, p) in assigned.iter_mut().zip(points) {
                let class = index.nearest(*p).map_or(0, |(class, _)| class);
                changed |= *slot != class;
                *slot = class;
            }
            let mut sums = vec![([0.0; 3], 0_u64); centers.len()];
            for (&class, u) in assigned.iter().zip(&vectors) {
                if let Some((sum, count)) = sums.get_mut(class) {
                    *count += 1;
                    for (s, x) in sum.iter_mut().zip(u) {
                        *s += x;
                    }
                }
            }
            let empty = sums.iter().any(|(_, count)| *count == 0);
            // The last round only removes centres without points.
            let done = !changed || iteration == self.max_iterations;
            if done && !empty {
                break;
            }
            centers = centers
                .iter()
                .zip(&sums)
                .filter(|(_, (_, count))| *count > 0)
                .map(|(center, (sum, _))| {
                    let mean = direction(*sum).and_then(LatLng::from_vector);
                    if done {
                        *center
                    } else {
                        mean.unwrap_or(*center)
                    }
                })
                .collect();
            if empty {
                assigned.fill(usize::MAX);
            }
            if done {
                break;
            }
        }
        centers
    }
}

#[cfg(test)]
#[path = "kmeans_tests.rs"]
mod tests;
