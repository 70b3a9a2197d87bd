//! Multi-similarity loss with its miner.

use burn::tensor::Tensor;
use geoloc_core::{Embedding, Loss};

use crate::PairRelations;
use crate::log_sum_exp::{EXCLUDED, log_one_plus_sum_exp};

/// Multi-similarity loss (Wang et al. 2019): with cosines `s` of an anchor,
/// `ln(1 + Σ_pos e^(-α (s - λ))) / α + ln(1 + Σ_neg e^(β (s - λ))) / β`, the mean over all anchors.
///
/// The miner keeps the negatives with `s > min_pos - ε` and the positives with `s < max_neg + ε`;
/// with it, an anchor that lacks positives or negatives has loss 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MultiSimilarity {
    /// Sharpness over positives.
    pub alpha: f64,
    /// Sharpness over negatives.
    pub beta: f64,
    /// Cosine λ about which pairs count.
    pub base: f64,
    /// Margin ε of the miner; `None` takes all pairs.
    pub miner: Option<f64>,
}

impl Default for MultiSimilarity {
    /// α = 1, β = 50, λ = 0, ε = 0.1, as SALAD (Izquierdo and Civera 2024) trains.
    fn default() -> Self {
        Self {
            alpha: 1.0,
            beta: 50.0,
            base: 0.0,
            miner: Some(0.1),
        }
    }
}

impl Loss<Embedding> for MultiSimilarity {
    type Target = PairRelations;

    fn forward(&self, output: &Embedding, target: &PairRelations) -> Tensor<1> {
        let cosine = output.0.clone().matmul(output.0.clone().transpose());
        self.anchors(cosine, target, None).mean()
    }
}

impl MultiSimilarity {
    /// The loss of each anchor, `[anchors, 1]`, from its cosines `[anchors, items]` with whatever
    /// it is compared with. `log_weights`, of the same shape, weight the positive terms.
    pub(crate) fn anchors(
        self,
        cosine: Tensor<2>,
        pairs: &PairRelations,
        log_weights: Option<Tensor<2>>,
    ) -> Tensor<2> {
        let mined = match self.miner {
            Some(margin) => mine(&cosine, pairs, margin),
            None => pairs.clone(),
        };
        let shifted = cosine - self.base;
        let mut positive = shifted.clone() * -self.alpha;
        if let Some(weights) = log_weights {
            positive = positive + weights;
        }
        let positive = positive.mask_fill(mined.positive.bool_not(), EXCLUDED);
        let negative = (shifted * self.beta).mask_fill(mined.negative.bool_not(), EXCLUDED);
        let positive = log_one_plus_sum_exp(positive, 1) / self.alpha;
        let negative = log_one_plus_sum_exp(negative, 1) / self.beta;
        positive + negative
    }
}

/// Negatives nearer than the farthest positive, positives farther than the nearest negative, give
/// or take a margin.
fn mine(cosine: &Tensor<2>, pairs: &PairRelations, margin: f64) -> PairRelations {
    let cosine = cosine.clone().detach();
    let no_positive = pairs.positive.clone().bool_not();
    let no_negative = pairs.negative.clone().bool_not();
    let least_positive = cosine.clone().mask_fill(no_positive, -EXCLUDED).min_dim(1);
    let most_negative = cosine.clone().mask_fill(no_negative, EXCLUDED).max_dim(1);
    let hard_negative = (cosine.clone() - least_positive).greater_scalar(-margin);
    let hard_positive = (cosine - most_negative).lower_scalar(margin);
    PairRelations {
        positive: pairs.positive.clone().bool_and(hard_positive),
        negative: pairs.negative.clone().bool_and(hard_negative),
    }
}

#[cfg(test)]
#[path = "multi_similarity_tests.rs"]
mod tests;
