//! Outputs on the host, row by row.

use burn::tensor::Tensor;
use geoloc_core::DecodeError;

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

/// Turns a `[batch, cells]` log-softmax row into probabilities.
pub(crate) fn softmax(index: usize, logits: &[f32]) -> Result<Vec<f64>, DecodeError> {
    Ok(log_softmax(index, logits)?
        .into_iter()
        .map(f64::exp)
        .collect())
}
