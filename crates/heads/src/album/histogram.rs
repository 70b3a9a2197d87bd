//! A travel prior counted from trips.

use std::f64::consts::TAU;

use geoloc_core::ConfigError;
use geoloc_geo_cells::EARTH_RADIUS_KM;

use super::TravelPrior;

/// Counts of distances for classes of time differences, from pairs of photos of one person
/// (Kalogerakis et al. 2009), each divided by the area of its ring on the sphere.
///
/// Distances beyond the last edge count to the last ring, which ends at the antipode; times before
/// the first and after the last edge count to the first and last class. Every ring of every class
/// has a pseudo-count, so that no distance is impossible.
#[derive(Clone, Debug, PartialEq)]
pub struct TravelHistogram {
    time_edges: Vec<f64>,
    km_edges: Vec<f64>,
    /// Log-densities per square km: for each class of time, for each ring.
    logs: Vec<Vec<f64>>,
}

impl TravelHistogram {
    /// Counts `trips`, pairs of distance in km and time difference in seconds.
    ///
    /// `time_edges` divide times into one class more than there are edges; `km_edges` distances
    /// into rings likewise. `pseudo_count` is spread over the rings by their area, to which the
    /// counts of a class without trips fall back.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] unless edges rise, are positive and finite and distances end before
    /// the antipode, the pseudo-count is positive, and all trips are finite and not negative.
    pub fn fit(
        trips: &[(f64, f64)],
        time_edges: Vec<f64>,
        km_edges: Vec<f64>,
        pseudo_count: f64,
    ) -> Result<Self, ConfigError> {
        let antipode = std::f64::consts::PI * EARTH_RADIUS_KM;
        for (field, edges, end) in [
            ("time_edges", &time_edges, f64::INFINITY),
            ("km_edges", &km_edges, antipode),
        ] {
            let mut last = 0.0;
            for &edge in edges {
                let ok = edge > last && edge < end;
                ConfigError::check(ok, field, edge, "rising, positive and not beyond the Earth")?;
                last = edge;
            }
        }
        let ok = pseudo_count > 0.0 && pseudo_count.is_finite();
        ConfigError::check(ok, "pseudo_count", pseudo_count, "positive and finite")?;
        let ring = |k: usize| {
            let from = if k == 0 { 0.0 } else { km_edges[k - 1] };
            let to = km_edges.get(k).copied().unwrap_or(antipode);
            // 1 - cos, without cancellation for small rings.
            let cap = |km: f64| 2.0 * (0.5 * km / EARTH_RADIUS_KM).sin().powi(2);
            TAU * EARTH_RADIUS_KM * EARTH_RADIUS_KM * (cap(to) - cap(from))
        };
        let areas: Vec<f64> = (0..=km_edges.len()).map(ring).collect();
        let earth: f64 = areas.iter().sum();
        let pseudo: Vec<f64> = areas.iter().map(|a| pseudo_count * a / earth).collect();
        let mut counts = vec![pseudo; time_edges.len() + 1];
        for &(km, seconds) in trips {
            ConfigError::check(km >= 0.0 && km.is_finite(), "trips.km", km, "at least 0")?;
            let ok = seconds >= 0.0 && seconds.is_finite();
            ConfigError::check(ok, "trips.seconds", seconds, "at least 0")?;
            counts[class(&time_edges, seconds)][class(&km_edges, km)] += 1.0;
        }
        let logs = counts
            .iter()
            .map(|row| {
                let total: f64 = row.iter().sum();
                let pairs = row.iter().zip(&areas);
                pairs.map(|(n, area)| (n / total / area).ln()).collect()
            })
            .collect();
        Ok(Self {
            time_edges,
            km_edges,
            logs,
        })
    }
}

/// Index of the class of `value`; an edge belongs to the class above it.
fn class(edges: &[f64], value: f64) -> usize {
    edges.partition_point(|edge| *edge <= value)
}

impl TravelPrior for TravelHistogram {
    fn log_density(&self, km: f64, seconds: f64) -> f64 {
        let row = self.logs.get(class(&self.time_edges, seconds));
        let log = row.and_then(|row| row.get(class(&self.km_edges, km)));
        log.copied().unwrap_or(f64::NEG_INFINITY)
    }
}
