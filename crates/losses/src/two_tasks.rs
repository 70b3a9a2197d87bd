//! Two losses at once, weighted by learned uncertainty or by hand.

use burn::tensor::Tensor;
use geoloc_core::{Loss, TwoTasks};

/// `e^(-s_1) L_1 + e^(-s_2) L_2 + (s_1 + s_2) / 2` with learned `s = ln σ²` (Kendall, Gal and
/// Cipolla 2018, with the factor 1/2 of regression losses left out). The `s` are parameters of the
/// head, because losses have none; nest it for more tasks.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct UncertaintyWeighted<L1, L2> {
    /// Loss of the first task.
    pub first: L1,
    /// Loss of the second task.
    pub second: L2,
}

impl<A, B, L1: Loss<A>, L2: Loss<B>> Loss<TwoTasks<A, B>> for UncertaintyWeighted<L1, L2> {
    type Target = (L1::Target, L2::Target);

    fn forward(&self, output: &TwoTasks<A, B>, target: &Self::Target) -> Tensor<1> {
        let first = self.first.forward(&output.first, &target.0);
        let second = self.second.forward(&output.second, &target.1);
        let losses = Tensor::cat(vec![first, second], 0);
        let s = output.log_variances.clone();
        (losses * s.clone().neg().exp() + s * 0.5).sum()
    }
}

/// `w_1 L_1 + w_2 L_2` with fixed weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightedSum<L1, L2> {
    /// Loss of the first task.
    pub first: L1,
    /// Loss of the second task.
    pub second: L2,
    /// Weights of the two.
    pub weights: [f64; 2],
}

impl<A, B, L1: Loss<A>, L2: Loss<B>> Loss<TwoTasks<A, B>> for WeightedSum<L1, L2> {
    type Target = (L1::Target, L2::Target);

    fn forward(&self, output: &TwoTasks<A, B>, target: &Self::Target) -> Tensor<1> {
        let [first, second] = self.weights;
        self.first.forward(&output.first, &target.0) * first
            + self.second.forward(&output.second, &target.1) * second
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use geoloc_core::Directions;

    use super::*;
    use crate::DirectionLoss;
    use crate::gradient_check::{check_gradient, f64s, unit_rows, value};

    #[test]
    fn both_sums_equal_their_definitions_and_variances_get_gradients() {
        let device = Device::flex();
        let (a, b) = (unit_rows(2, 3, 1), unit_rows(2, 3, 2));
        let one = |rows: &[f64], device: &Device| f64s(rows, [2, 3], device);
        let single = |x: &[f64], y: &[f64]| {
            value(DirectionLoss::default().forward(&Directions(one(x, &device)), &one(y, &device)))
        };
        let (first, second) = (single(&a, &b), single(&b, &[0.0, 0.0, 1.0, 1.0, 0.0, 0.0]));
        let output = |s: Tensor<1>| {
            let device = s.device();
            let target = (
                one(&b, &device),
                one(&[0.0, 0.0, 1.0, 1.0, 0.0, 0.0], &device),
            );
            let output = TwoTasks {
                first: Directions(one(&a, &device)),
                second: Directions(one(&b, &device)),
                log_variances: s,
            };
            (output, target)
        };
        let s = [0.3f64, -0.8];
        let learned = UncertaintyWeighted {
            first: DirectionLoss::default(),
            second: DirectionLoss::default(),
        };
        let (x, target) = output(f64s(&s, [2], &device));
        let expected = (-s[0]).exp() * first + (-s[1]).exp() * second + 0.5 * (s[0] + s[1]);
        assert!((value(learned.forward(&x, &target)) - expected).abs() < 1e-12);
        let fixed = WeightedSum {
            first: DirectionLoss::default(),
            second: DirectionLoss::default(),
            weights: [2.0, 8.0],
        };
        let expected = 2.0 * first + 8.0 * second;
        assert!((value(fixed.forward(&x, &target)) - expected).abs() < 1e-12);
        check_gradient(&s, [2], |s| {
            let (x, target) = output(s);
            learned.forward(&x, &target)
        });
    }
}
