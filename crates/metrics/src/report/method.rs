//! One method of a report: its predictions and the numbers that follow from them.

use std::collections::BTreeMap;

use geoloc_geo_cells::{Estimate, LatLng};
use serde::{Deserialize, Serialize};

use super::certainty::Certainty;
use super::classes::ClassSummary;
use crate::{Conventions, DistanceSummary, MetricError, Rank, RetrievalSummary, Slices};

/// What a method is to the reader of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// What is being evaluated.
    Method,
    /// A simple rule that a method should beat, such as a constant place.
    Baseline,
    /// A bound that no method of this kind can pass, such as the best cell for each query.
    Ceiling,
}

/// The answer to one query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Name of the query, unique in its method.
    pub id: String,
    /// Where it was taken.
    pub truth: LatLng,
    /// Where the method says; `None` is a failure.
    pub predicted: Option<LatLng>,
    /// Distance between the two in km, under the conventions of the report.
    pub distance_km: Option<f64>,
    /// Radius in km that the method says holds half of the probability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius50_km: Option<f64>,
    /// Probability that the method gives to its answer, which need not be its most probable candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Rank of the true gallery item, for retrieval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<Rank>,
    /// Tags to slice by, such as country or scene.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl Prediction {
    /// A query with its answer; `None` is a failure.
    #[must_use]
    pub fn new(id: impl Into<String>, truth: LatLng, predicted: Option<LatLng>) -> Self {
        Self {
            id: id.into(),
            truth,
            predicted,
            distance_km: None,
            radius50_km: None,
            probability: None,
            rank: None,
            tags: BTreeMap::new(),
        }
    }

    /// A query with the estimate of a locator: place, radius and the probability of the answer.
    #[must_use]
    pub fn from_estimate(id: impl Into<String>, truth: LatLng, estimate: &Estimate) -> Self {
        let mut prediction =
            Self::new(id, truth, Some(estimate.location)).with_radius50_km(estimate.radius50_km);
        if let Some(probability) = estimate.probability {
            prediction = prediction.with_probability(probability);
        }
        prediction
    }

    /// Adds the radius that holds half of the probability; a value that is not finite is left out.
    #[must_use]
    pub fn with_radius50_km(mut self, radius_km: f64) -> Self {
        self.radius50_km = radius_km.is_finite().then_some(radius_km);
        self
    }

    /// Adds the probability of the answer; a value that is not finite is left out.
    #[must_use]
    pub fn with_probability(mut self, probability: f64) -> Self {
        self.probability = probability.is_finite().then_some(probability);
        self
    }

    /// Adds the rank of the true gallery item.
    #[must_use]
    pub fn with_rank(mut self, rank: Option<Rank>) -> Self {
        self.rank = rank;
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn with_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }
}

/// A method, its numbers and the predictions that they come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MethodReport {
    /// Name, unique in the report.
    pub name: String,
    /// Method, baseline or ceiling.
    pub role: Role,
    /// One sentence on what it does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Great-circle accuracy.
    pub distance: DistanceSummary,
    /// Accuracy of the ranking, for retrieval methods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrieval: Option<RetrievalSummary>,
    /// What the stated radii and probabilities are worth, where some are stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certainty: Option<Certainty>,
    /// Accuracy by the values of tags; see [`with_slices`](Self::with_slices).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<Slices>,
    /// Accuracy by class; see [`with_classes`](Self::with_classes).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<ClassSummary>,
    /// Further numbers by name, such as `ece` or `country_accuracy`; not recomputed by [`crate::Report::verify`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, f64>,
    /// One entry a query.
    pub predictions: Vec<Prediction>,
}

impl MethodReport {
    /// Computes distances and their summary for `predictions`; `distance_km` of each is filled in, and radii and
    /// probabilities that are not finite are dropped.
    ///
    /// # Errors
    ///
    /// As [`DistanceSummary::from_places`].
    pub fn evaluate(
        name: impl Into<String>,
        role: Role,
        mut predictions: Vec<Prediction>,
        radii_km: &[f64],
        conventions: &Conventions,
    ) -> Result<Self, MetricError> {
        for p in &mut predictions {
            p.distance_km = p
                .predicted
                .map(|place| conventions.distance.km(p.truth, place));
            // Public fields may hold what JSON cannot.
            p.radius50_km = p.radius50_km.filter(|r| r.is_finite());
            p.probability = p.probability.filter(|p| p.is_finite());
        }
        let distances: Vec<Option<f64>> = predictions.iter().map(|p| p.distance_km).collect();
        Ok(Self {
            name: name.into(),
            role,
            description: String::new(),
            distance: DistanceSummary::from_distances(&distances, radii_km, conventions)?,
            retrieval: None,
            certainty: Certainty::of(&predictions, radii_km, conventions)?,
            slices: Vec::new(),
            classes: None,
            extra: BTreeMap::new(),
            predictions,
        })
    }

    /// Adds the retrieval summary that follows from the ranks of the predictions.
    ///
    /// # Errors
    ///
    /// As [`RetrievalSummary::from_ranks`].
    pub fn with_retrieval(
        mut self,
        gallery: usize,
        ks: &[usize],
        conventions: &Conventions,
    ) -> Result<Self, MetricError> {
        self.retrieval = Some(RetrievalSummary::from_ranks(
            &self.ranks(),
            gallery,
            ks,
            conventions,
        )?);
        Ok(self)
    }

    /// Adds the accuracy for each value of a tag of the predictions, at the radii of the method.
    ///
    /// # Errors
    ///
    /// As [`DistanceSummary::from_distances`].
    pub fn with_slices(
        mut self,
        tag: impl Into<String>,
        conventions: &Conventions,
    ) -> Result<Self, MetricError> {
        let slices = self.slices_by(tag.into(), conventions)?;
        self.slices.push(slices);
        Ok(self)
    }

    /// Adds how often the class of the answer, a tag of the predictions, is the true one, another tag.
    ///
    /// # Errors
    ///
    /// As [`ClassSummary::new`].
    pub fn with_classes(
        mut self,
        truth_tag: &str,
        answer_tag: &str,
        conventions: &Conventions,
    ) -> Result<Self, MetricError> {
        let summary = ClassSummary::new(&self.predictions, truth_tag, answer_tag, conventions)?;
        self.classes = Some(summary);
        Ok(self)
    }

    /// The accuracy for each value of a tag.
    pub(super) fn slices_by(
        &self,
        tag: String,
        conventions: &Conventions,
    ) -> Result<Slices, MetricError> {
        let labels: Vec<Option<&str>> = self
            .predictions
            .iter()
            .map(|p| p.tags.get(&tag).map(String::as_str))
            .collect();
        let distances: Vec<Option<f64>> = self.predictions.iter().map(|p| p.distance_km).collect();
        let radii_km = self.distance.radii_km();
        Slices::new(tag, &labels, &distances, &radii_km, conventions)
    }

    /// Adds a description.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Adds a further number; a value that is not finite is left out, since JSON cannot hold it.
    #[must_use]
    pub fn with_extra(mut self, name: impl Into<String>, value: f64) -> Self {
        if value.is_finite() {
            self.extra.insert(name.into(), value);
        }
        self
    }

    /// The rank of every prediction, in order.
    #[must_use]
    pub fn ranks(&self) -> Vec<Option<Rank>> {
        self.predictions.iter().map(|p| p.rank).collect()
    }
}
