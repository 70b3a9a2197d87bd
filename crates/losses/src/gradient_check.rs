//! Gradients against central differences in f64, for the tests of every loss.

use burn::tensor::{DType, Device, Tensor, TensorData};

/// A tensor in f64.
pub(crate) fn f64s<const D: usize>(
    values: &[f64],
    shape: [usize; D],
    device: &Device,
) -> Tensor<D> {
    Tensor::from_data(
        TensorData::new(values.to_vec(), shape),
        (device, DType::F64),
    )
}

/// The value of a loss.
pub(crate) fn value(loss: Tensor<1>) -> f64 {
    assert_eq!(loss.dims(), [1]);
    loss.into_scalar::<f64>()
}

/// Panics unless the gradient of `loss` at `values` equals central differences, and is not zero
/// everywhere.
pub(crate) fn check_gradient<const D: usize>(
    values: &[f64],
    shape: [usize; D],
    loss: impl Fn(Tensor<D>) -> Tensor<1>,
) {
    let device = Device::flex().autodiff();
    let x = f64s(values, shape, &device).require_grad();
    let gradients = loss(x.clone()).backward();
    let gradient = x.grad(&gradients).expect("the loss depends on its input");
    let gradient = gradient.into_data().try_to_vec::<f64>().expect("f64");
    assert!(gradient.iter().any(|g| g.abs() > 1e-9), "{gradient:?}");
    let plain = Device::flex();
    // Error of central differences: h² from curvature, 1e-16 / h from rounding; 1e-5 balances.
    let h = 1e-5;
    for (i, &g) in gradient.iter().enumerate() {
        let at = |step: f64| {
            let mut shifted = values.to_vec();
            shifted[i] += step;
            value(loss(f64s(&shifted, shape, &plain)))
        };
        let numeric = (at(h) - at(-h)) / (2.0 * h);
        let tolerance = 1e-6 * (1.0 + g.abs());
        assert!((numeric - g).abs() < tolerance, "{i}: {numeric} {g}");
    }
}

/// Numbers in (-1, 1) that repeat from run to run.
pub(crate) fn numbers(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        })
        .collect()
}

/// Rows of unit length.
pub(crate) fn unit_rows(rows: usize, width: usize, seed: u64) -> Vec<f64> {
    numbers(rows * width, seed)
        .chunks(width)
        .flat_map(|row| {
            let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
            row.iter().map(move |x| x / length).collect::<Vec<_>>()
        })
        .collect()
}
