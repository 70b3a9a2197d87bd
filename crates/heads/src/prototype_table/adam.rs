//! Adam on the rows that a step touches.

use super::TableConfig;
use super::record::Record;

/// One step on one row.
///
/// With t the number of steps that have touched **this row**, this one included (Kingma and Ba 2015,
/// counted by row):
///
/// ```text
/// m <- beta1 m + (1 - beta1) g          v <- beta2 v + (1 - beta2) g²
/// w <- w - rate · m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)
/// ```
///
/// A step that does not touch the row changes nothing: no decay of moments, no momentum, no count. Where
/// every step touches the row this is Adam. The `SparseAdam` of `PyTorch` and the `LazyAdam` of
/// TensorFlow also leave untouched moments alone, but correct the bias by the count of all steps, which
/// makes the first step on a row that is met late up to 3.2 times as long at the usual decays.
pub(super) fn step(row: &mut Record, gradient: &[f32], rate: f64, config: &TableConfig) {
    row.steps = row.steps.saturating_add(1);
    // Beyond it the corrections are 1 all the same.
    let t = i32::try_from(row.steps).unwrap_or(i32::MAX);
    let (beta1, beta2) = (f64::from(config.beta1), f64::from(config.beta2));
    let size = (rate / (1.0 - beta1.powi(t))) as f32;
    let second_bias = (1.0 - beta2.powi(t)).sqrt() as f32;
    let values = row
        .weights
        .iter_mut()
        .zip(&mut row.first)
        .zip(&mut row.second);
    for (((w, m), v), g) in values.zip(gradient) {
        *m = config.beta1 * *m + (1.0 - config.beta1) * g;
        *v = config.beta2 * *v + (1.0 - config.beta2) * g * g;
        *w -= size * *m / (v.sqrt() / second_bias + config.epsilon);
    }
}
