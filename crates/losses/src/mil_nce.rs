//! Contrastive loss with several positives.

use burn::tensor::Tensor;
use geoloc_core::{Embedding, Loss};

use crate::PairRelations;
use crate::log_sum_exp::{EXCLUDED, log_sum_exp, mean_of};

/// MIL-NCE (Miech et al. 2020): `-ln(Σ_pos e^(s/τ) / (Σ_pos e^(s/τ) + Σ_neg e^(s/τ)))` with the
/// cosines `s` of an anchor, the mean over anchors that have a positive; 0 if none has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MilNce {
    /// Temperature τ.
    pub temperature: f64,
}

impl Default for MilNce {
    /// τ = 0.1, as the region contrast of OSV-5M (Astruc et al. 2024).
    fn default() -> Self {
        Self { temperature: 0.1 }
    }
}

impl Loss<Embedding> for MilNce {
    type Target = PairRelations;

    fn forward(&self, output: &Embedding, target: &PairRelations) -> Tensor<1> {
        let cosine = output.0.clone().matmul(output.0.clone().transpose());
        let logits = cosine / self.temperature;
        let not_positive = target.positive.clone().bool_not();
        let left_out = not_positive
            .clone()
            .bool_and(target.negative.clone().bool_not());
        let positive = log_sum_exp(logits.clone().mask_fill(not_positive, EXCLUDED), 1);
        let all = log_sum_exp(logits.mask_fill(left_out, EXCLUDED), 1);
        let alone = target.positive.clone().any_dim(1).bool_not();
        mean_of(all - positive, alone)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::gradient_check::{check_gradient, f64s, unit_rows, value};

    const LABELS: [u64; 5] = [0, 0, 0, 1, 2];

    #[test]
    fn equals_the_definition_over_anchors_with_positives_and_so_do_gradients() {
        let rows = unit_rows(5, 3, 31);
        let term = |i: usize, j: usize| {
            let s: f64 = (0..3).map(|k| rows[3 * i + k] * rows[3 * j + k]).sum();
            (s / 0.1).exp()
        };
        let expected: f64 = (0..3)
            .map(|i| {
                let positive: f64 = (0..3).filter(|&j| j != i).map(|j| term(i, j)).sum();
                let negative: f64 = (3..5).map(|j| term(i, j)).sum();
                -(positive / (positive + negative)).ln() / 3.0
            })
            .sum();
        let loss = |x: Tensor<2>| {
            let pairs = PairRelations::from_labels(&LABELS, &x.device());
            MilNce::default().forward(&Embedding(x), &pairs)
        };
        let found = value(loss(f64s(&rows, [5, 3], &Device::flex())));
        assert!((found - expected).abs() < 1e-10, "{found} {expected}");
        check_gradient(&rows, [5, 3], loss);
    }

    #[test]
    fn without_positives_the_loss_is_zero() {
        let x = f64s(&unit_rows(2, 3, 1), [2, 3], &Device::flex());
        let pairs = PairRelations::from_labels(&[1, 2], &Device::flex());
        let loss = MilNce::default().forward(&Embedding(x), &pairs);
        assert!(value(loss).abs() < 1e-12);
    }
}
