//! Learning rate over the steps.

use super::Phase;

/// Linear warm-up, then half a cosine (Loshchilov and Hutter 2017, one cycle).
///
/// `step` counts from 0 at the beginning of the phase; the first step already has a rate above zero.
pub(super) fn learning_rate(phase: &Phase, step: u64) -> f64 {
    if step < phase.warmup_steps {
        return phase.learning_rate * (step + 1) as f64 / phase.warmup_steps as f64;
    }
    let falling = phase.steps.saturating_sub(phase.warmup_steps).max(1);
    let progress = (step - phase.warmup_steps) as f64 / falling as f64;
    let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress.min(1.0)).cos());
    let floor = phase.final_rate_share;
    phase.learning_rate * (floor + (1.0 - floor) * cosine)
}
