//! From ranked rows to one estimate: kernel density on the sphere.

use geoloc_geo_cells::{Candidate, EARTH_RADIUS_KM, Estimate, LatLng};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Hit, Hits};

/// Beyond this exponent a kernel adds nothing (e^-40 = 4e-18).
const CUTOFF: f64 = 40.0;

/// Why hits give no estimate.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum DensityError {
    /// No hit has a place.
    #[error("no hit has a place")]
    NoPlaces,
    /// A parameter is not a positive finite number.
    #[error("{name} is {value}, not a positive finite number")]
    Parameter {
        /// Name of the parameter.
        name: &'static str,
        /// The rejected value.
        value: f64,
    },
}

/// How much a neighbour counts, by its score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weighting {
    /// `exp(score / temperature)`.
    Softmax {
        /// Larger is flatter.
        temperature: f64,
    },
    /// `d^-power` with `d = sqrt(2 - 2 score)`, the distance of unit vectors, at least 1e-6. The
    /// published power is 10 (Vo, Jacobs and Hays 2017, their code).
    InverseDistance {
        /// Larger trusts the nearest more.
        power: f64,
    },
}

/// Kernel density estimate over neighbours (Vo, Jacobs and Hays 2017), evaluated on the sphere itself
/// instead of on a grid: no distortion at the poles, none at the antimeridian.
///
/// ```text
/// density(x) = Σ_j w_j exp(κ (cos d(x, x_j) − 1)),   κ = (R / σ)^2
/// ```
///
/// The mode is searched from the neighbour of highest density by mean shift (at most 20 steps of
/// `x ← normalise(Σ_j w_j K_j x_j)`). The radius is the weighted median over neighbours of
/// `sqrt(d_j^2 + 2 ln 2 σ^2)`: exact for one neighbour, and close to the median distance of a Gaussian
/// at distance `d_j`.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{LatLng, haversine_km};
/// use geoloc_retrieval::{DensityEstimator, Hit, Hits, Place};
///
/// let near = |lat, lng, score| Ok::<_, geoloc_geo_cells::LatLngError>(Hit {
///     id: 0,
///     score,
///     place: Some(Place::from(LatLng::new(lat, lng)?)),
/// });
/// let hits = Hits {
///     hits: vec![near(48.85, 2.35, 0.9)?, near(48.86, 2.34, 0.89)?, near(-33.9, 151.2, 0.5)?],
///     exact: true,
///     reranked: 3,
/// };
/// let estimate = DensityEstimator::default().estimate(&hits)?;
/// assert!(haversine_km(estimate.location, LatLng::new(48.855, 2.345)?) < 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DensityEstimator {
    /// Width of the kernel in km.
    pub sigma_km: f64,
    /// How much a neighbour counts.
    pub weighting: Weighting,
    /// Answer with a neighbour's own place: the best ranked one within this many km of the mode.
    pub snap_km: Option<f64>,
}

impl Default for DensityEstimator {
    /// 25 km and the published weights.
    fn default() -> Self {
        Self {
            sigma_km: 25.0,
            weighting: Weighting::InverseDistance { power: 10.0 },
            snap_km: None,
        }
    }
}

/// A neighbour on the unit sphere.
struct Neighbour<'a> {
    hit: &'a Hit,
    location: LatLng,
    point: [f64; 3],
    weight: f64,
}

impl DensityEstimator {
    /// One place from ranked rows; rows without a place are passed over. The candidates are the
    /// neighbours' places with their shares of the weight.
    ///
    /// # Errors
    ///
    /// [`DensityError`] if no hit has a place or a parameter is not positive.
    pub fn estimate(&self, hits: &Hits) -> Result<Estimate, DensityError> {
        self.check()?;
        let neighbours = self.neighbours(hits)?;
        let kappa = (EARTH_RADIUS_KM / self.sigma_km).powi(2);
        let mode = find_mode(&neighbours, kappa).ok_or(DensityError::NoPlaces)?;
        let mut location = LatLng::from_vector(mode).ok_or(DensityError::NoPlaces)?;
        if let Some(km) = self.snap_km {
            let near = |n: &&Neighbour<'_>| distance_km(&n.point, &mode) <= km;
            location = neighbours
                .iter()
                .find(near)
                .map_or(location, |n| n.location);
        }
        let from = location.to_unit_vector();
        let spread = 2.0 * std::f64::consts::LN_2 * self.sigma_km.powi(2);
        let near = |n: &&Neighbour<'_>| distance_km(&n.point, &from) <= self.sigma_km;
        let probability = neighbours.iter().filter(near).map(|n| n.weight).sum();
        let radii = neighbours.iter().map(|n| {
            let distance = distance_km(&n.point, &from);
            ((distance * distance + spread).sqrt(), n.weight)
        });
        let mut candidates: Vec<Candidate> = neighbours
            .iter()
            .map(|n| Candidate {
                location: n.location,
                probability: n.weight,
                cell: n.hit.place.and_then(|place| place.cell),
                class: None,
            })
            .collect();
        candidates.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        Ok(Estimate {
            location,
            radius50_km: weighted_median(radii.collect()),
            probability: Some(probability),
            candidates,
        })
    }

    fn check(&self) -> Result<(), DensityError> {
        let weighting = match self.weighting {
            Weighting::Softmax { temperature } => ("temperature", temperature),
            Weighting::InverseDistance { power } => ("power", power),
        };
        // Without a snap there is nothing to check.
        let snap = ("snap_km", self.snap_km.unwrap_or(1.0));
        for (name, value) in [("sigma_km", self.sigma_km), weighting, snap] {
            if !(value.is_finite() && value > 0.0) {
                return Err(DensityError::Parameter { name, value });
            }
        }
        Ok(())
    }

    /// Neighbours with weights that sum to 1.
    fn neighbours<'a>(&self, hits: &'a Hits) -> Result<Vec<Neighbour<'a>>, DensityError> {
        let log_weight = |score: f32| match self.weighting {
            Weighting::Softmax { temperature } => f64::from(score) / temperature,
            Weighting::InverseDistance { power } => {
                let squared = (2.0 - 2.0 * f64::from(score)).max(1e-12);
                -0.5 * power * squared.ln()
            }
        };
        let mut out: Vec<Neighbour<'a>> = hits
            .hits
            .iter()
            .filter_map(|hit| {
                let location = hit.place?.location;
                Some(Neighbour {
                    hit,
                    location,
                    point: location.to_unit_vector(),
                    weight: log_weight(hit.score),
                })
            })
            .collect();
        let largest = out
            .iter()
            .map(|n| n.weight)
            .fold(f64::NEG_INFINITY, f64::max);
        let mut total = 0.0;
        for n in &mut out {
            n.weight = (n.weight - largest).exp();
            total += n.weight;
        }
        if !(total.is_finite() && total > 0.0) {
            return Err(DensityError::NoPlaces);
        }
        for n in &mut out {
            n.weight /= total;
        }
        Ok(out)
    }
}

/// κ (1 − cos d), from the chord: accurate for small distances.
fn exponent(a: &[f64; 3], b: &[f64; 3], kappa: f64) -> f64 {
    0.5 * kappa * chord2(a, b)
}

fn chord2(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

fn distance_km(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    2.0 * EARTH_RADIUS_KM * (0.5 * chord2(a, b).sqrt()).min(1.0).asin()
}

/// The neighbour of highest density, moved uphill.
fn find_mode(neighbours: &[Neighbour<'_>], kappa: f64) -> Option<[f64; 3]> {
    let density = |x: &[f64; 3]| -> f64 {
        let mut sum = 0.0;
        for n in neighbours {
            let e = exponent(x, &n.point, kappa);
            if e < CUTOFF {
                sum += n.weight * (-e).exp();
            }
        }
        sum
    };
    let mut best: Option<(f64, [f64; 3])> = None;
    for n in neighbours {
        let d = density(&n.point);
        if best.is_none_or(|(highest, _)| d > highest) {
            best = Some((d, n.point));
        }
    }
    let (_, mut x) = best?;
    for _ in 0..20 {
        let mut sum = [0f64; 3];
        for n in neighbours {
            let e = exponent(&x, &n.point, kappa);
            if e < CUTOFF {
                let w = n.weight * (-e).exp();
                for (s, v) in sum.iter_mut().zip(&n.point) {
                    *s += w * v;
                }
            }
        }
        let norm = sum.iter().map(|v| v * v).sum::<f64>().sqrt();
        if norm <= f64::MIN_POSITIVE {
            break;
        }
        let next = sum.map(|v| v / norm);
        let moved = chord2(&next, &x);
        x = next;
        if moved < 1e-18 {
            break;
        }
    }
    Some(x)
}

/// The smallest value that half of the weight does not exceed.
fn weighted_median(mut values: Vec<(f64, f64)>) -> f64 {
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = 0.5 * values.iter().map(|v| v.1).sum::<f64>();
    let mut sum = 0.0;
    for (value, weight) in &values {
        sum += weight;
        if sum >= half {
            return *value;
        }
    }
    values.last().map_or(0.0, |v| v.0)
}

#[cfg(test)]
#[path = "density_tests.rs"]
mod tests;
