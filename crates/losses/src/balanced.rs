//! Cross-entropy for classes of uneven size: class weights and the focal factor.

use std::sync::Arc;

use burn::tensor::{Int, Tensor, TensorData};
use geoloc_core::{CellLogits, CosineLogits, Loss};

use crate::log_sum_exp::nll;

/// A weight for each class, of mean 1 over the classes that have photos.
///
/// Classes without photos get the weight of a class with one.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassWeights(Arc<[f32]>);

impl ClassWeights {
    /// All classes count the same for one photo: no balance.
    #[must_use]
    pub fn uniform(classes: usize) -> Self {
        Self(vec![1.0; classes].into())
    }

    /// `1 / n` for a class with `n` photos: every class counts the same in total.
    #[must_use]
    pub fn inverse_frequency(counts: &[u64]) -> Self {
        Self::of(counts, |n| 1.0 / n)
    }

    /// `(1 - β) / (1 - β^n)` (Cui et al. 2019): as if a class had at most `1 / (1 - β)` different
    /// photos. β is clamped to [0, 1 - 1e-9]; 0 is no balance, and towards 1 the weights go to the
    /// inverse frequency.
    #[must_use]
    pub fn effective_number(counts: &[u64], beta: f64) -> Self {
        let beta = beta.clamp(0.0, 1.0 - 1e-9);
        // 1 - β^n without cancellation.
        Self::of(counts, |n| (1.0 - beta) / -(n * beta.ln()).exp_m1())
    }

    fn of(counts: &[u64], weight: impl Fn(f64) -> f64) -> Self {
        let weights: Vec<f64> = counts.iter().map(|&n| weight(n.max(1) as f64)).collect();
        let seen = || weights.iter().zip(counts).filter(|(_, n)| **n > 0);
        let sum: f64 = seen().map(|(w, _)| w).sum();
        let scale = if sum > 0.0 {
            seen().count() as f64 / sum
        } else {
            1.0
        };
        Self(weights.iter().map(|w| (w * scale) as f32).collect())
    }

    /// The weights in the order of the classes.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }
}

/// Cross-entropy with class weights and the focal factor (Lin et al. 2017):
/// `Σ_i w_i (1 - p_i)^γ (-ln p_i) / Σ_i w_i`, where `p_i` is the probability of the right class of
/// item `i` and `w_i` its weight.
///
/// Dividing by the sum of weights, as is usual for weighted cross-entropy, keeps the scale of the
/// loss from one batch to the next; the focal paper divides by the number of foreground boxes,
/// which has no counterpart here.
#[derive(Clone, Debug, PartialEq)]
pub struct BalancedCrossEntropy {
    /// One weight a class.
    pub weights: ClassWeights,
    /// γ: 0 is plain cross-entropy; 2 is the published value. Items that are already right count
    /// less the larger it is.
    pub focus: f64,
}

impl Loss<CellLogits> for BalancedCrossEntropy {
    type Target = Tensor<1, Int>;

    /// # Panics
    ///
    /// Burn panics if there are fewer weights than classes.
    fn forward(&self, output: &CellLogits, target: &Tensor<1, Int>) -> Tensor<1> {
        let [batch, _] = output.0.dims();
        let nll = nll(output.0.clone(), target.clone());
        let terms = if self.focus > 0.0 {
            // 1 - p = -expm1(-nll); clamped, so that the power has a finite gradient at p = 1.
            let missing = nll.clone().neg().exp().neg() + 1.0;
            nll * missing.clamp_min(1e-7).powf_scalar(self.focus)
        } else {
            nll
        };
        let weights = self.weights.as_slice();
        let data = TensorData::new(weights.to_vec(), [weights.len()]);
        let weights = Tensor::<1>::from_data(data, &terms.device()).cast(terms.dtype());
        let weights = weights.select(0, target.clone()).reshape([batch, 1]);
        (terms * weights.clone()).sum() / weights.sum()
    }
}

impl Loss<CosineLogits> for BalancedCrossEntropy {
    type Target = Tensor<1, Int>;

    fn forward(&self, output: &CosineLogits, target: &Self::Target) -> Tensor<1> {
        self.forward(&output.logits(), target)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::gradient_check::{check_gradient, f64s, numbers, value};

    fn close(found: &ClassWeights, expected: &[f64]) {
        let pairs = found.as_slice().iter().zip(expected);
        assert!(pairs.clone().count() == expected.len());
        for (f, e) in pairs {
            assert!(
                (f64::from(*f) - e).abs() < 1e-6 * e,
                "{found:?} {expected:?}"
            );
        }
    }

    #[test]
    fn weights_have_mean_one_over_classes_with_photos() {
        // 1/1 and 1/4, mean 0.625; the empty class counts as one photo.
        let weights = ClassWeights::inverse_frequency(&[1, 4, 0]);
        close(&weights, &[1.6, 0.4, 1.6]);
        let beta: f64 = 0.9;
        let raw = [1u64, 4].map(|n| (1.0 - beta) / (1.0 - beta.powf(n as f64)));
        let mean = f64::midpoint(raw[0], raw[1]);
        let weights = ClassWeights::effective_number(&[1, 4], beta);
        close(&weights, &raw.map(|w| w / mean));
        close(&ClassWeights::effective_number(&[1, 4], 0.0), &[1.0, 1.0]);
        let nearly = ClassWeights::effective_number(&[1, 4], 1.0);
        close(&nearly, &[1.6, 0.4]);
        close(&ClassWeights::inverse_frequency(&[0, 0]), &[1.0, 1.0]);
    }

    #[test]
    fn equals_the_definition_and_so_do_gradients() {
        let logits: Vec<f64> = numbers(12, 71).iter().map(|x| 2.0 * x).collect();
        let classes = [2usize, 0, 2, 1];
        let weights = ClassWeights::inverse_frequency(&[3, 5, 9]);
        let target = |device: &Device| {
            let classes = classes.map(|c| c as i64).to_vec();
            Tensor::<1, Int>::from_data(TensorData::new(classes, [4]), device)
        };
        for focus in [0.0, 0.5, 2.0] {
            let (mut sum, mut total) = (0.0, 0.0);
            for (row, &class) in logits.chunks(3).zip(&classes) {
                let p = row[class].exp() / row.iter().map(|l| l.exp()).sum::<f64>();
                let w = f64::from(weights.as_slice()[class]);
                sum -= w * (1.0 - p).powf(focus) * p.ln();
                total += w;
            }
            let loss = BalancedCrossEntropy {
                weights: weights.clone(),
                focus,
            };
            let at = |x: Tensor<2>| {
                let target = target(&x.device());
                loss.forward(&CellLogits(x), &target)
            };
            let found = value(at(f64s(&logits, [4, 3], &Device::flex())));
            assert!(
                (found - sum / total).abs() < 1e-9,
                "{found} {}",
                sum / total
            );
            check_gradient(&logits, [4, 3], at);
        }
    }

    #[test]
    fn certainty_has_a_finite_gradient() {
        let device = Device::flex().autodiff();
        let x = Tensor::<2>::from_data([[200.0, 0.0]], &device).require_grad();
        let loss = BalancedCrossEntropy {
            weights: ClassWeights::uniform(2),
            focus: 0.5,
        };
        let target = Tensor::<1, Int>::from_data([0], &device);
        let gradients = loss.forward(&CellLogits(x.clone()), &target).backward();
        let gradient = x
            .grad(&gradients)
            .unwrap()
            .try_into_vec_as::<f32>()
            .unwrap();
        assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
    }
}
