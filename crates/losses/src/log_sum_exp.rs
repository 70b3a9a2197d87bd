//! Logarithms of sums of exponentials that do not overflow.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Bool, Int, Tensor};

/// Far below any logit, and still harmless in half precision.
pub(crate) const EXCLUDED: f32 = -1.0e4;

/// ln Σ exp over `dim`, which is kept with length 1.
pub(crate) fn log_sum_exp(x: Tensor<2>, dim: usize) -> Tensor<2> {
    let max = x.clone().detach().max_dim(dim);
    (x - max.clone()).exp().sum_dim(dim).log() + max
}

/// ln(1 + Σ exp) over `dim`, which is kept with length 1.
pub(crate) fn log_one_plus_sum_exp(x: Tensor<2>, dim: usize) -> Tensor<2> {
    let max = x.clone().detach().max_dim(dim).clamp_min(0.0);
    let sum = (x - max.clone()).exp().sum_dim(dim);
    (sum + max.clone().neg().exp()).log() + max
}

/// Cross-entropy of `[batch, classes]` logits against right classes `[batch]`, `[batch, 1]`.
pub(crate) fn nll(logits: Tensor<2>, classes: Tensor<1, Int>) -> Tensor<2> {
    log_softmax(logits, 1)
        .gather(1, classes.unsqueeze_dim::<2>(1))
        .neg()
}

/// True where column `j` is the class of row `i`, `[batch, classes]`.
pub(crate) fn class_mask(classes: Tensor<1, Int>, count: usize) -> Tensor<2, Bool> {
    let columns = Tensor::<1, Int>::arange(0..count as i64, &classes.device());
    (classes.unsqueeze_dim::<2>(1) - columns.unsqueeze_dim::<2>(0)).equal_elem(0)
}

/// True on the diagonal, `[n, n]`.
pub(crate) fn diagonal(n: usize, device: &burn::tensor::Device) -> Tensor<2, Bool> {
    class_mask(Tensor::arange(0..n as i64, device), n)
}

/// Mean of the terms that are kept, `[1]`; 0 if none is.
pub(crate) fn mean_of(terms: Tensor<2>, dropped: Tensor<2, Bool>) -> Tensor<1> {
    let kept = terms.ones_like().mask_fill(dropped.clone(), 0.0);
    terms.mask_fill(dropped, 0.0).sum() / kept.sum().clamp_min(1.0)
}
