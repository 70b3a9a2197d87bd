//! Outputs on the host, row by row.

use burn::tensor::Tensor;
use geoloc_core::{ConfigError, DecodeError};

/// The rows of a `[batch, expected]` tensor.
pub(crate) fn read_rows(tensor: Tensor<2>, expected: usize) -> Result<Vec<Vec<f32>>, DecodeError> {
    let [_, found] = tensor.dims();
    if found != expected {
        return Err(DecodeError::Width { expected, found });
    }
    let values = tensor
        .try_into_vec_as::<f32>()
        .map_err(|e| DecodeError::Device {
            reason: e.to_string(),
        })?;
    let rows = values.chunks_exact(expected.max(1));
    Ok(rows.map(<[f32]>::to_vec).collect())
}

/// Fails unless all numbers of item `index` are finite.
pub(crate) fn check_finite(index: usize, values: &[f32]) -> Result<(), DecodeError> {
    if values.iter().all(|v| v.is_finite()) {
        return Ok(());
    }
    Err(DecodeError::NotFinite { index })
}

/// Logarithms of the softmax of a row in f64.
pub(crate) fn log_softmax(index: usize, logits: &[f32]) -> Result<Vec<f64>, DecodeError> {
    check_finite(index, logits)?;
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shifted: Vec<f64> = logits
        .iter()
        .map(|&l| f64::from(l) - f64::from(max))
        .collect();
    let log_sum = shifted.iter().map(|x| x.exp()).sum::<f64>().ln();
    Ok(shifted.into_iter().map(|x| x - log_sum).collect())
}

/// Fails unless a temperature is positive and finite.
pub(crate) fn check_temperature(temperature: f64) -> Result<(), ConfigError> {
    let ok = temperature.is_finite() && temperature > 0.0;
    ConfigError::check(ok, "temperature", temperature, "positive and finite")
}

/// Fails unless there are at most `most` weights, each finite and not below `least`; those that are
/// missing are 1.
pub(crate) fn check_weights(
    field: &'static str,
    given: &[f64],
    most: usize,
    least: f64,
) -> Result<Vec<f64>, ConfigError> {
    let found = given.len() as f64;
    ConfigError::check(given.len() <= most, field, found, "at most one each")?;
    for &weight in given {
        let ok = weight.is_finite() && weight >= least;
        ConfigError::check(ok, field, weight, "finite and not too small")?;
    }
    let mut weights = given.to_vec();
    weights.resize(most, 1.0);
    Ok(weights)
}

/// The softmax of scores divided by a temperature.
pub(crate) fn softmax_of_scores(scores: &[f64], temperature: f64) -> Vec<f64> {
    let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let raw: Vec<f64> = scores
        .iter()
        .map(|score| ((score - max) / temperature).exp())
        .collect();
    let total: f64 = raw.iter().sum();
    raw.into_iter().map(|x| x / total).collect()
}

/// Turns a `[batch, cells]` log-softmax row into probabilities.
pub(crate) fn softmax(index: usize, logits: &[f32]) -> Result<Vec<f64>, DecodeError> {
    Ok(log_softmax(index, logits)?
        .into_iter()
        .map(f64::exp)
        .collect())
}

/// The numbers of each row in f64, as scores of classes.
pub(crate) fn scores(tensor: Tensor<2>, classes: usize) -> Scores {
    let rows = read_rows(tensor, classes)?.into_iter().enumerate();
    Ok(rows
        .map(|(index, row)| {
            check_finite(index, &row)?;
            Ok(row.into_iter().map(f64::from).collect())
        })
        .collect())
}

/// What [`TemperatureScaling::scores`](geoloc_core::TemperatureScaling::scores) gives.
pub(crate) type Scores = Result<Vec<Result<Vec<f64>, DecodeError>>, DecodeError>;

/// Calls `of` with the rows of each item in several outputs of the same batch.
pub(crate) fn items_of<T>(outputs: &[Vec<Vec<f32>>], of: impl Fn(usize, &[&[f32]]) -> T) -> Vec<T> {
    // Without outputs there are no items.
    let items = outputs
        .iter()
        .map(Vec::len)
        .min()
        .into_iter()
        .flat_map(|n| 0..n);
    items
        .map(|index| {
            let rows: Vec<&[f32]> = outputs
                .iter()
                .filter_map(|rows| rows.get(index).map(Vec::as_slice))
                .collect();
            of(index, &rows)
        })
        .collect()
}
