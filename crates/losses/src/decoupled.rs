//! `InfoNCE` without the positive in the denominator.

use burn::tensor::Tensor;
use geoloc_core::{Loss, PairEmbeddings};

use crate::PairMask;
use crate::log_sum_exp::{EXCLUDED, diagonal, log_sum_exp};

/// Decoupled `InfoNCE` (Yeh et al. 2022), both directions: with logits `s·q aᵀ`, the mean of
/// `-l_ii + ln Σ_{j≠i} e^(l_ij)`. It has no lower bound at 0, and its gradient does not fade when
/// the positive is already easy, which helps small batches.
///
/// With label smoothing ε the numerator `l_ii` becomes `(1 - ε) l_ii + ε m_i`, where `m_i` is the
/// mean of the logits of all pairs of the row that are not ignored (our reading of Fervers et al.
/// 2024, who use ε = 0.1).
///
/// A row without any negative has loss 0.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct DecoupledInfoNce {
    /// Share of the target spread evenly over all pairs of the row or column, in [0, 1).
    pub label_smoothing: f64,
}

impl Loss<PairEmbeddings> for DecoupledInfoNce {
    type Target = PairMask;

    fn forward(&self, output: &PairEmbeddings, target: &PairMask) -> Tensor<1> {
        let tiles = output.aerial.clone().transpose();
        let cosine = output.query.clone().matmul(tiles);
        let [n, _] = cosine.dims();
        let logits = cosine * output.scale.clone().unsqueeze::<2>();
        let own = diagonal(n, &logits.device());
        let dropped = match &target.ignore {
            Some(ignore) => own.clone().bool_or(ignore.clone()),
            None => own.clone(),
        };
        let positive = logits.clone().mask_fill(own.bool_not(), 0.0).sum_dim(1);
        let negatives = logits.clone().mask_fill(dropped.clone(), EXCLUDED);
        // The mask is symmetric: a row without negatives is a column without negatives.
        let alone = dropped.all_dim(1);
        let term = |dim: usize| {
            let sum = log_sum_exp(negatives.clone(), dim).reshape([n, 1]);
            let target = if self.label_smoothing > 0.0 {
                let mean = match &target.ignore {
                    Some(ignore) => {
                        let kept = logits.clone().mask_fill(ignore.clone(), 0.0).sum_dim(dim);
                        let count = logits.ones_like().mask_fill(ignore.clone(), 0.0);
                        kept / count.sum_dim(dim)
                    }
                    None => logits.clone().mean_dim(dim),
                };
                positive.clone() * (1.0 - self.label_smoothing)
                    + mean.reshape([n, 1]) * self.label_smoothing
            } else {
                positive.clone()
            };
            (sum - target).mask_fill(alone.clone(), 0.0).mean()
        };
        (term(1) + term(0)) * 0.5
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::gradient_check::{check_gradient, f64s, unit_rows, value};

    type Logit<'a> = &'a dyn Fn(usize, usize) -> f64;

    fn output(query: Tensor<2>, tiles: &[f64]) -> PairEmbeddings {
        let device = query.device();
        PairEmbeddings {
            query,
            aerial: f64s(tiles, [4, 3], &device),
            scale: f64s(&[5.0], [1], &device),
        }
    }

    #[test]
    fn equals_the_definition_and_so_do_gradients() {
        let (query, tiles) = (unit_rows(4, 3, 41), unit_rows(4, 3, 42));
        let l = |i: usize, j: usize| {
            5.0 * (0..3)
                .map(|k| query[3 * i + k] * tiles[3 * j + k])
                .sum::<f64>()
        };
        let side = |l: Logit, ignored: &[(usize, usize)], smoothing: f64| -> f64 {
            (0..4)
                .map(|i| {
                    let kept: Vec<usize> = (0..4).filter(|&j| !ignored.contains(&(i, j))).collect();
                    let negatives = kept.iter().filter(|&&j| j != i);
                    let mean = kept.iter().map(|&j| l(i, j)).sum::<f64>() / kept.len() as f64;
                    negatives.map(|&j| l(i, j).exp()).sum::<f64>().ln()
                        - (1.0 - smoothing) * l(i, i)
                        - smoothing * mean
                })
                .sum::<f64>()
                / 4.0
        };
        let expected = |ignored: &[(usize, usize)], e: f64| {
            0.5 * (side(&l, ignored, e) + side(&|i, j| l(j, i), ignored, e))
        };
        let device = Device::flex();
        let x = output(f64s(&query, [4, 3], &device), &tiles);
        let none = PairMask { ignore: None };
        let pairs = [(0, 2), (2, 0)];
        let mask: Vec<bool> = (0..16).map(|k| pairs.contains(&(k / 4, k % 4))).collect();
        let mask = PairMask {
            ignore: Some(Tensor::from_data(TensorData::new(mask, [4, 4]), &device)),
        };
        for label_smoothing in [0.0, 0.1] {
            let loss = DecoupledInfoNce { label_smoothing };
            let found = value(loss.forward(&x, &none));
            assert!((found - expected(&[], label_smoothing)).abs() < 1e-10);
            let found = value(loss.forward(&x, &mask));
            assert!((found - expected(&pairs, label_smoothing)).abs() < 1e-10);
            check_gradient(&query, [4, 3], |q| loss.forward(&output(q, &tiles), &none));
        }
    }

    #[test]
    fn a_batch_of_one_has_no_loss() {
        let device = Device::flex();
        let row = || f64s(&[0.6, 0.8], [1, 2], &device);
        let pair = PairEmbeddings {
            query: row(),
            aerial: row(),
            scale: f64s(&[5.0], [1], &device),
        };
        let loss = DecoupledInfoNce::default().forward(&pair, &PairMask { ignore: None });
        assert!(value(loss).abs() < 1e-12);
    }
}
