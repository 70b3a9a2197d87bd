//! Rows of unit length.

use burn::tensor::Tensor;

/// Divides vectors along the last dimension `dim` by their length; a zero vector stays zero.
pub(crate) fn unit<const D: usize>(x: Tensor<D>, dim: usize) -> Tensor<D> {
    let length = x.clone().square().sum_dim(dim).add_scalar(1e-12).sqrt();
    x / length
}
