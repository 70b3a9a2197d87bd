//! Two methods of a report on the same queries.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    CoinTest, Measure, MethodReport, MetricError, Prediction, Report, ReportError, mcnemar_test,
    paired_difference, permutation_test, sign_test,
};

/// Permutations behind each p-value of a difference in score: its smallest value is 1 / 10,001.
const PERMUTATIONS: usize = 10_000;

/// Hits of one method that the other misses, at a radius.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WithinComparison {
    /// The radius in km.
    pub radius_km: f64,
    /// `McNemar`'s exact test.
    pub test: CoinTest,
}

/// A paired comparison of two methods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairedComparison {
    /// Name of the first method.
    pub first: String,
    /// Name of the second method.
    pub second: String,
    /// Number of queries, the same for both.
    pub n: usize,
    /// Mean difference in `GeoScore`, first less second, with its paired-bootstrap interval.
    pub geo_score_difference: Measure,
    /// Two-sided p-value of that difference by a paired permutation test.
    pub geo_score_p_value: f64,
    /// On how many queries each is nearer to the truth, with the sign test; a failure is infinitely far.
    pub nearer: CoinTest,
    /// Hits that only one has, at the radii of the first method.
    pub within: Vec<WithinComparison>,
}

impl Report {
    /// Compares two methods query by query and adds the result to the report.
    ///
    /// # Errors
    ///
    /// [`ReportError::NoMethod`], [`ReportError::Unpaired`] where a query of one is missing in the other.
    pub fn compare(&mut self, first: &str, second: &str) -> Result<(), ReportError> {
        let comparison = self.comparison(first, second)?;
        self.comparisons.push(comparison);
        Ok(())
    }

    /// The comparison of two methods of the report.
    pub(super) fn comparison(
        &self,
        first: &str,
        second: &str,
    ) -> Result<PairedComparison, ReportError> {
        let find = |name: &str| {
            self.method(name).ok_or_else(|| ReportError::NoMethod {
                name: name.to_owned(),
            })
        };
        let (a, b) = (find(first)?, find(second)?);
        let pairs = paired(a, b)?;
        self.compute(a, b, &pairs)
            .map_err(|source| ReportError::Metric {
                method: first.to_owned(),
                source,
            })
    }

    fn compute(
        &self,
        a: &MethodReport,
        b: &MethodReport,
        pairs: &[(&Prediction, &Prediction)],
    ) -> Result<PairedComparison, MetricError> {
        let conventions = &self.conventions;
        let errors = |read: fn(&(&Prediction, &Prediction)) -> Option<f64>| -> Vec<f64> {
            let km = pairs.iter().map(read);
            km.map(|km| km.unwrap_or(f64::INFINITY)).collect()
        };
        let (km_a, km_b) = (errors(|p| p.0.distance_km), errors(|p| p.1.distance_km));
        let scores = |km: &[f64]| -> Vec<f64> {
            km.iter().map(|d| conventions.geo_score.score(*d)).collect()
        };
        let (score_a, score_b) = (scores(&km_a), scores(&km_b));
        let hits = |km: &[f64], radius: f64| -> Vec<bool> {
            let hit = |d: &f64| d.is_finite() && conventions.comparison.holds(*d, radius);
            km.iter().map(hit).collect()
        };
        let within = a.distance.radii_km().into_iter().map(|radius_km| {
            let test = mcnemar_test(&hits(&km_a, radius_km), &hits(&km_b, radius_km))?;
            Ok(WithinComparison { radius_km, test })
        });
        Ok(PairedComparison {
            first: a.name.clone(),
            second: b.name.clone(),
            n: pairs.len(),
            geo_score_difference: paired_difference(&score_a, &score_b, conventions.bootstrap)?,
            geo_score_p_value: permutation_test(
                &score_a,
                &score_b,
                PERMUTATIONS,
                conventions.bootstrap.seed,
            )?,
            // The nearer one is ahead: smaller distances win.
            nearer: sign_test(&km_b, &km_a)?,
            within: within.collect::<Result<_, _>>()?,
        })
    }
}

/// The predictions of two methods by id, in the order of the first.
fn paired<'a>(
    a: &'a MethodReport,
    b: &'a MethodReport,
) -> Result<Vec<(&'a Prediction, &'a Prediction)>, ReportError> {
    let unpaired = |id: &str| ReportError::Unpaired {
        first: a.name.clone(),
        second: b.name.clone(),
        id: id.to_owned(),
    };
    let mut by_id: BTreeMap<&str, &Prediction> =
        b.predictions.iter().map(|p| (p.id.as_str(), p)).collect();
    let mut pairs = Vec::with_capacity(a.predictions.len());
    for p in &a.predictions {
        let other = by_id.remove(p.id.as_str());
        pairs.push((p, other.ok_or_else(|| unpaired(&p.id))?));
    }
    match by_id.keys().next() {
        Some(id) => Err(unpaired(id)),
        None => Ok(pairs),
    }
}
