//! The same accuracy for each part of the queries: by country, scene, year or any other tag.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{not_empty, same_length};
use crate::{Conventions, DistanceSummary, MetricError};

/// The accuracy of the queries that share one value of a tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// The value.
    pub value: String,
    /// Accuracy of its queries, with their own `n` and failures.
    pub distance: DistanceSummary,
}

/// The accuracy for every value of a tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slices {
    /// The tag.
    pub tag: String,
    /// Queries without the tag; they are in no slice.
    pub untagged: usize,
    /// One slice a value, in the order of the values.
    pub slices: Vec<Slice>,
}

impl Slices {
    /// Groups errors in km by the label of each query; `None` as a distance is a failure, as a label "has no such tag".
    ///
    /// # Errors
    ///
    /// [`MetricError::Length`], and as [`DistanceSummary::from_distances`].
    pub fn new(
        tag: impl Into<String>,
        labels: &[Option<&str>],
        distances_km: &[Option<f64>],
        radii_km: &[f64],
        conventions: &Conventions,
    ) -> Result<Self, MetricError> {
        not_empty("distances", distances_km.len())?;
        same_length("labels", labels.len(), distances_km.len())?;
        let mut groups: BTreeMap<&str, Vec<Option<f64>>> = BTreeMap::new();
        let mut untagged = 0;
        for (label, distance) in labels.iter().zip(distances_km) {
            match label {
                Some(label) => groups.entry(label).or_default().push(*distance),
                None => untagged += 1,
            }
        }
        let slice = |(value, group): (&str, Vec<Option<f64>>)| {
            let distance = DistanceSummary::from_distances(&group, radii_km, conventions)?;
            Ok(Slice {
                value: value.to_owned(),
                distance,
            })
        };
        Ok(Self {
            tag: tag.into(),
            untagged,
            slices: groups.into_iter().map(slice).collect::<Result<_, _>>()?,
        })
    }

    /// The slice of a value.
    #[must_use]
    pub fn get(&self, value: &str) -> Option<&DistanceSummary> {
        let found = self.slices.iter().find(|s| s.value == value);
        found.map(|s| &s.distance)
    }
}
