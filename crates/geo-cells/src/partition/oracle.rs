//! The accuracy that a perfect classifier would have.

use serde::{Deserialize, Serialize};

use crate::{LatLng, haversine_km};

use super::Partition;

/// Radii in km of the usual accuracies: street, city, region, country, continent.
pub const ACCURACY_RADII_KM: [f64; 5] = [1.0, 25.0, 200.0, 750.0, 2500.0];

/// Distances from points to the locations of their classes: the error of a classifier that is
/// always right, so the ceiling of every accuracy with this partition.
///
/// Points in no class count as misses in the accuracies and are left out of the distances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OracleError {
    /// Number of points.
    pub points: u64,
    /// Number of points in no class.
    pub unplaced: u64,
    /// Median distance in km of the points in a class.
    pub median_km: f64,
    /// 90th percentile of the distance in km.
    pub p90_km: f64,
    /// Mean distance in km.
    pub mean_km: f64,
    /// Share of all points within each radius (distance at most the radius): `(km, share)`.
    pub within: Vec<(f64, f64)>,
}

impl OracleError {
    /// Measures the usual radii; `None` if no point is in a class.
    #[must_use]
    pub fn measure(partition: &Partition, points: &[LatLng]) -> Option<Self> {
        Self::measure_at(partition, points, &ACCURACY_RADII_KM)
    }

    /// Measures given radii in km; `None` if no point is in a class.
    #[must_use]
    pub fn measure_at(partition: &Partition, points: &[LatLng], radii_km: &[f64]) -> Option<Self> {
        let mut distances: Vec<f64> = partition
            .indices_of(points)
            .into_iter()
            .zip(points)
            .filter_map(|(class, p)| Some(haversine_km(partition.location(class? as usize)?, *p)))
            .collect();
        distances.sort_unstable_by(f64::total_cmp);
        let n = distances.len();
        let rank = |share: f64| {
            let k = (share * n as f64).ceil() as usize;
            distances.get(k.clamp(1, n.max(1)) - 1).copied()
        };
        let within = radii_km
            .iter()
            .map(|&km| {
                let hits = distances.partition_point(|&d| d <= km);
                (km, hits as f64 / points.len() as f64)
            })
            .collect();
        Some(Self {
            points: points.len() as u64,
            unplaced: (points.len() - n) as u64,
            median_km: rank(0.5)?,
            p90_km: rank(0.9)?,
            mean_km: distances.iter().sum::<f64>() / n as f64,
            within,
        })
    }
}

impl std::fmt::Display for OracleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "oracle    median {:.2} km, 90 % {:.2} km, mean {:.2} km, {} of {} points in no class",
            self.median_km, self.p90_km, self.mean_km, self.unplaced, self.points
        )?;
        write!(f, "ceiling  ")?;
        for (km, share) in &self.within {
            write!(f, "  {km} km {:.2} %", 100.0 * share)?;
        }
        writeln!(f)
    }
}
