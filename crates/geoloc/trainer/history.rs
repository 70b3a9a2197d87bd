//! The loss curve.

use serde::{Deserialize, Serialize};

/// Mean training loss over the steps since the point before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainPoint {
    /// Number of steps taken.
    pub step: u64,
    /// Mean loss.
    pub loss: f64,
    /// Learning rate of the last of these steps.
    pub learning_rate: f64,
}

/// Loss on held-out data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValidationPoint {
    /// Number of steps taken.
    pub step: u64,
    /// Validation loss.
    pub loss: f64,
}

/// Everything that was measured during a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Training loss.
    pub train: Vec<TrainPoint>,
    /// Validation loss.
    pub validation: Vec<ValidationPoint>,
    /// Number of steps taken when each phase after the first began.
    #[serde(default)]
    pub phases: Vec<u64>,
}

/// Mean of the losses since the last point of the curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Window {
    sum: f64,
    count: u64,
}

impl Window {
    pub(super) fn push(&mut self, loss: f64) {
        self.sum += loss;
        self.count += 1;
    }

    /// The mean and an empty window, or `None` if there is nothing in it.
    pub(super) fn take(&mut self) -> Option<f64> {
        let Self { sum, count } = std::mem::take(self);
        (count > 0).then(|| sum / count as f64)
    }
}
