//! Soft-margin triplet loss over pairs.

use burn::tensor::Tensor;
use burn::tensor::activation::log_sigmoid;
use geoloc_core::{Loss, PairEmbeddings};

use crate::PairMask;
use crate::log_sum_exp::{diagonal, mean_of};

/// Soft-margin triplet loss (Hu et al. 2018; all triplets of the batch and both directions as Shi
/// et al. 2019): the mean of `ln(1 + e^(α (d_pos - d_neg)))` with the squared Euclidean distance
/// `d = 2 - 2 cos`, over queries and all other tiles and over tiles and all other queries.
///
/// The scale of the output is not used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoftMarginTriplet {
    /// Sharpness α.
    pub alpha: f64,
}

impl Default for SoftMarginTriplet {
    /// α = 10, as SAFA (Shi et al. 2019).
    fn default() -> Self {
        Self { alpha: 10.0 }
    }
}

impl Loss<PairEmbeddings> for SoftMarginTriplet {
    type Target = PairMask;

    fn forward(&self, output: &PairEmbeddings, target: &PairMask) -> Tensor<1> {
        let tiles = output.aerial.clone().transpose();
        let cosine = output.query.clone().matmul(tiles);
        let [n, _] = cosine.dims();
        let own = diagonal(n, &cosine.device());
        // d_pos - d_neg = 2 (s_neg - s_pos)
        let positive = cosine.clone().mask_fill(own.clone().bool_not(), 0.0);
        let of_row = positive.clone().sum_dim(1);
        let of_column = positive.sum_dim(0);
        let term = |positive: Tensor<2>| {
            log_sigmoid((cosine.clone() - positive) * (-2.0 * self.alpha)).neg()
        };
        let dropped = match &target.ignore {
            Some(ignore) => own.bool_or(ignore.clone()),
            None => own,
        };
        let rows = mean_of(term(of_row), dropped.clone());
        let columns = mean_of(term(of_column), dropped);
        (rows + columns) * 0.5
    }
}

#[cfg(test)]
#[path = "triplet_tests.rs"]
mod tests;
