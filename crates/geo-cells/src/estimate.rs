//! What every method answers: a place, how sure it is, and the runners-up.

use serde::{Deserialize, Serialize};

use crate::{CellId, LatLng};

/// One of the ranked places of an [`Estimate`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Where.
    pub location: LatLng,
    /// Probability mass of this candidate, in [0, 1].
    pub probability: f64,
    /// The S2 cell that the candidate stands for, where the method works on cells.
    pub cell: Option<CellId>,
    /// The class of the model's partition that the candidate stands for, where it classifies. Two
    /// classes at one location, such as two names of one town, differ in nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<usize>,
}

/// Where a photo was taken, with its uncertainty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The answer.
    pub location: LatLng,
    /// Radius in km about [`location`](Self::location) that holds 50 % of the probability.
    pub radius50_km: f64,
    /// Probability mass that the method gives to [`location`](Self::location), in [0, 1]: that of
    /// its class, gallery items or mode. It need not be the largest of the candidates, since some
    /// decoders answer by another rule than the largest mass. `None` where a method states none, as
    /// regression does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Ranked places, most probable first; empty for methods that give one point only.
    pub candidates: Vec<Candidate>,
}

impl Estimate {
    /// The most probable candidate at [`location`](Self::location); `None` where the answer is none
    /// of the candidates, as the mode of a density.
    #[must_use]
    pub fn candidate(&self) -> Option<&Candidate> {
        self.candidates.iter().find(|c| c.location == self.location)
    }
}
