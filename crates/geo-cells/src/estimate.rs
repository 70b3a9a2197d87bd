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
}

/// Where a photo was taken, with its uncertainty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The answer.
    pub location: LatLng,
    /// Radius in km about [`location`](Self::location) that holds 50 % of the probability.
    pub radius50_km: f64,
    /// Ranked places, most probable first; may be empty for methods that give one point only.
    pub candidates: Vec<Candidate>,
}
