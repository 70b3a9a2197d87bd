//! Does a method know when it is wrong: what its radii and probabilities are worth.

use serde::{Deserialize, Serialize};

use crate::{Conventions, Measure, MetricError, Prediction, RiskCoverage, mean_measure};

/// How far the stated radii and probabilities of a method can be trusted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Certainty {
    /// Located queries that state a radius.
    pub radius50_n: usize,
    /// Share of them whose truth lies within the stated radius; 0.5 where the radii are right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius50_holds: Option<Measure>,
    /// Located queries that state a probability.
    pub probability_n: usize,
    /// The radius in km beyond which an answer counts as a miss below.
    pub miss_radius_km: f64,
    /// Area under the curve of the share of misses over coverage, surest answers first; failures come last. `None` where
    /// not every located query states a probability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_coverage_area: Option<f64>,
    /// That area less the smallest possible for as many misses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excess_area: Option<f64>,
}

impl Certainty {
    /// `None` where no prediction states a radius or a probability. Misses are counted at the middle one of `radii_km`.
    pub(crate) fn of(
        predictions: &[Prediction],
        radii_km: &[f64],
        conventions: &Conventions,
    ) -> Result<Option<Self>, MetricError> {
        let located = || predictions.iter().filter(|p| p.distance_km.is_some());
        let held: Vec<f64> = located()
            .filter_map(|p| Some((p.distance_km?, p.radius50_km?)))
            .map(|(km, radius)| f64::from(u8::from(km <= radius)))
            .collect();
        let probability_n = located().filter(|p| p.probability.is_some()).count();
        let Some(&miss_radius_km) = radii_km.get(radii_km.len() / 2) else {
            return Ok(None);
        };
        if held.is_empty() && probability_n == 0 {
            return Ok(None);
        }
        let curve = risk_coverage(predictions, miss_radius_km, conventions)?;
        Ok(Some(Self {
            radius50_n: held.len(),
            radius50_holds: if held.is_empty() {
                None
            } else {
                Some(mean_measure(&held, conventions.bootstrap)?)
            },
            probability_n,
            miss_radius_km,
            risk_coverage_area: curve.as_ref().map(|c| c.area),
            excess_area: curve.as_ref().map(|c| c.excess_area),
        }))
    }
}

/// Share of misses over coverage; `None` where a located query states no probability or none is located.
pub(crate) fn risk_coverage(
    predictions: &[Prediction],
    miss_radius_km: f64,
    conventions: &Conventions,
) -> Result<Option<RiskCoverage>, MetricError> {
    let mut confidence = Vec::with_capacity(predictions.len());
    let mut miss = Vec::with_capacity(predictions.len());
    for p in predictions {
        let (sure, hit) = match (p.distance_km, p.probability) {
            (None, _) => (f64::NEG_INFINITY, false),
            (Some(_), None) => return Ok(None),
            (Some(km), Some(sure)) => (sure, conventions.comparison.holds(km, miss_radius_km)),
        };
        confidence.push(sure);
        miss.push(f64::from(u8::from(!hit)));
    }
    if confidence.iter().all(|c| c.is_infinite()) {
        return Ok(None);
    }
    RiskCoverage::new(&confidence, &miss).map(Some)
}
