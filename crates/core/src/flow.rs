//! Flow matching on the sphere: what head, loss and decoder agree on.

use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::ConfigError;

/// A velocity on the sphere that carries noise, at progress 0, to places, at progress 1.
pub trait VelocityField: Module + 'static {
    /// The velocity at unit vectors `points` `[n, 3]`, as change per unit of progress.
    ///
    /// `progress` is `[n, 1]` in [0, 1]; `condition` is `[n, width]`, a row of zeros where there is
    /// none. The result `[n, 3]` is tangent to the sphere, and row `i` depends on row `i` of the
    /// arguments alone.
    ///
    /// # Panics
    ///
    /// Burn panics if the condition does not have the width that the field was built for.
    fn velocity(&self, points: Tensor<2>, progress: Tensor<2>, condition: Tensor<2>) -> Tensor<2>;
}

/// A density on the sphere for each item of a batch, given by a flow.
#[derive(Clone, Debug)]
pub struct SphericalFlow<F> {
    /// The field, the same for all items.
    pub field: F,
    /// What it is told about each item, `[batch, width]`.
    pub condition: Tensor<2>,
}

/// At which progress γ a flow is trained and sampled, for a time `t` uniform in [0, 1]: γ = 1, the
/// place itself, at `t = 0`, and γ = 0, noise, at `t = 1` (Dufour et al. 2025).
///
/// `γ(t) = (σ(e/τ) - σ((s + (e - s) t)/τ)) / (σ(e/τ) - σ(s/τ))` with the logistic function σ. The
/// defaults spend most of the time near the place, where the scale of streets is decided.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlowSchedule {
    /// `s`.
    pub start: f64,
    /// `e`.
    pub end: f64,
    /// `τ`.
    pub temperature: f64,
}

impl Default for FlowSchedule {
    /// From -7 to 3 with temperature 1, as published.
    fn default() -> Self {
        Self {
            start: -7.0,
            end: 3.0,
            temperature: 1.0,
        }
    }
}

impl FlowSchedule {
    /// Checks that the numbers make sense.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] unless all are finite, `end` is above `start` and the temperature is
    /// positive.
    pub fn check(&self) -> Result<(), ConfigError> {
        let ok = self.start.is_finite() && self.end.is_finite() && self.end > self.start;
        ConfigError::check(ok, "end", self.end, "finite and above start")?;
        let ok = self.temperature.is_finite() && self.temperature > 0.0;
        ConfigError::check(ok, "temperature", self.temperature, "positive and finite")
    }

    /// γ at time `t`.
    #[must_use]
    pub fn progress(&self, t: f64) -> f64 {
        let high = logistic(self.end / self.temperature);
        let at = logistic(self.argument(t));
        ((high - at) / self.range()).clamp(0.0, 1.0)
    }

    /// dγ/dt at time `t`; it is negative.
    #[must_use]
    pub fn slope(&self, t: f64) -> f64 {
        let at = logistic(self.argument(t));
        let speed = (self.end - self.start) / self.temperature;
        -at * (1.0 - at) * speed / self.range()
    }

    fn argument(&self, t: f64) -> f64 {
        (self.start + (self.end - self.start) * t) / self.temperature
    }

    fn range(&self) -> f64 {
        logistic(self.end / self.temperature) - logistic(self.start / self.temperature)
    }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_falls_from_the_place_to_noise_with_the_stated_slope() {
        let schedule = FlowSchedule::default();
        assert!((schedule.progress(0.0) - 1.0).abs() < 1e-12);
        assert!(schedule.progress(1.0).abs() < 1e-12);
        let h = 1e-5;
        for k in 1..10 {
            let t = f64::from(k) / 10.0;
            let slope = (schedule.progress(t + h) - schedule.progress(t - h)) / (2.0 * h);
            assert!(slope < 0.0 && (slope - schedule.slope(t)).abs() < 1e-7);
        }
        // σ(0) is half: t = 0.7, γ = (σ(3) - 1/2) / (σ(3) - σ(-7)).
        assert!((schedule.progress(0.7) - 0.475_55).abs() < 1e-4);
    }

    #[test]
    fn schedules_that_make_no_sense_are_refused() {
        let bad = FlowSchedule {
            end: -8.0,
            ..FlowSchedule::default()
        };
        assert!(bad.check().is_err());
        let bad = FlowSchedule {
            temperature: 0.0,
            ..FlowSchedule::default()
        };
        assert!(bad.check().is_err());
        assert!(FlowSchedule::default().check().is_ok());
    }
}
