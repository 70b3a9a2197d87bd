//! Learning rate over the steps.

use super::TrainerConfig;

/// Linear warm-up, then half a cosine (Loshchilov and Hutter 2017, one cycle).
///
/// `step` counts from 0; the first step already has a rate above zero.
pub(super) fn learning_rate(config: &TrainerConfig, step: u64) -> f64 {
    if step < config.warmup_steps {
        return config.learning_rate * (step + 1) as f64 / config.warmup_steps as f64;
    }
    let falling = config.steps.saturating_sub(config.warmup_steps).max(1);
    let progress = (step - config.warmup_steps) as f64 / falling as f64;
    let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress.min(1.0)).cos());
    let floor = config.final_rate_share;
    config.learning_rate * (floor + (1.0 - floor) * cosine)
}
