//! Lengths and sums in a form whose gradients stay finite.

use burn::tensor::Tensor;

/// Vectors along the last axis scaled to length 1; a vector of zeros stays.
pub(super) fn unit<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let square = x.clone().powi_scalar(2).sum_dim(D - 1);
    x / square.add_scalar(1e-12).sqrt()
}

/// Logarithm of the sum of exponentials along an axis, which stays with length 1.
pub(super) fn log_sum_exp<const D: usize>(x: Tensor<D>, axis: usize) -> Tensor<D> {
    let most = x.clone().max_dim(axis).detach();
    (x - most.clone()).exp().sum_dim(axis).log() + most
}
