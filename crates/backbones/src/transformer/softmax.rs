//! The softmax of a row of scores in vector registers, and its gradient.
#![allow(
    clippy::inline_always,
    reason = "vector code has the instructions of the function that it is inlined into"
)]

use pulp::{Simd, WithSimd};

use super::exponential::exp;

/// Turns scores `s` into `exp(scale * (s - max s))` and gives their sum.
pub(super) struct Exponentials<'a> {
    pub row: &'a mut [f32],
    /// Above 0.
    pub scale: f32,
}

impl WithSimd for Exponentials<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let (row, rest) = S::as_mut_simd_f32s(self.row);
        let lowest = simd.splat_f32s(f32::NEG_INFINITY);
        let most = row.iter().fold(lowest, |most, x| simd.max_f32s(most, *x));
        let most = simd.reduce_max_f32s(most);
        let most = rest.iter().fold(most, |most, x| most.max(*x));
        let (most, scale) = (simd.splat_f32s(most), simd.splat_f32s(self.scale));
        let mut sum = simd.splat_f32s(0.0);
        for x in row {
            *x = exp(simd, simd.mul_f32s(scale, simd.sub_f32s(*x, most)));
            sum = simd.add_f32s(sum, *x);
        }
        if !rest.is_empty() {
            let last = simd.sub_f32s(simd.partial_load_f32s(rest), most);
            simd.partial_store_f32s(rest, exp(simd, simd.mul_f32s(scale, last)));
        }
        simd.reduce_sum_f32s(sum) + rest.iter().sum::<f32>()
    }
}

/// Scales weights to the sum 1, and turns the gradient `g` with respect to them into that with respect
/// to the scores: `scale * w * (g - sum of w * g)`.
pub(super) struct ScoreGradient<'a> {
    pub weights: &'a mut [f32],
    pub gradient: &'a mut [f32],
    /// 1 over the sum of the weights.
    pub inverse: f32,
    pub scale: f32,
}

impl WithSimd for ScoreGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (weights, w_rest) = S::as_mut_simd_f32s(self.weights);
        let (gradient, g_rest) = S::as_mut_simd_f32s(self.gradient);
        let inverse = simd.splat_f32s(self.inverse);
        let mut sum = simd.splat_f32s(0.0);
        for (w, g) in weights.iter_mut().zip(&*gradient) {
            *w = simd.mul_f32s(*w, inverse);
            sum = simd.mul_add_e_f32s(*w, *g, sum);
        }
        let mut sum = simd.reduce_sum_f32s(sum);
        for (w, g) in w_rest.iter_mut().zip(&*g_rest) {
            *w *= self.inverse;
            sum += *w * g;
        }
        let (all, scale) = (simd.splat_f32s(sum), simd.splat_f32s(self.scale));
        for (w, g) in weights.iter().zip(gradient) {
            *g = simd.mul_f32s(simd.mul_f32s(scale, *w), simd.sub_f32s(*g, all));
        }
        for (w, g) in w_rest.iter().zip(g_rest) {
            *g = self.scale * w * (*g - sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, Scalar, WithSimd};

    use super::{Exponentials, ScoreGradient};

    #[test]
    fn rows_are_those_of_the_definition() {
        for count in [1, 3, 16, 64, 77] {
            let number = |i: usize| (i * 37 % 101) as f32 / 10.0 - 5.0;
            let scores: Vec<f32> = (0..count).map(number).collect();
            let given: Vec<f32> = (0..count).map(|i| number(i + 7)).collect();
            let scale = 0.3;
            let exact: Vec<f64> = scores.iter().map(|s| (0.3 * f64::from(*s)).exp()).collect();
            let total: f64 = exact.iter().sum();
            let mean: f64 = (exact.iter().zip(&given))
                .map(|(w, g)| w / total * f64::from(*g))
                .sum();
            for narrow in [true, false] {
                let (mut weights, mut gradient) = (scores.clone(), given.clone());
                let row = Exponentials {
                    row: &mut weights,
                    scale,
                };
                let sum = if narrow {
                    row.with_simd(Scalar)
                } else {
                    Arch::new().dispatch(row)
                };
                let both = ScoreGradient {
                    weights: &mut weights,
                    gradient: &mut gradient,
                    inverse: 1.0 / sum,
                    scale,
                };
                if narrow {
                    both.with_simd(Scalar);
                } else {
                    Arch::new().dispatch(both);
                }
                for i in 0..count {
                    let w = exact[i] / total;
                    assert!((f64::from(weights[i]) - w).abs() < 1e-6, "{count} {i}");
                    let g = 0.3 * w * (f64::from(given[i]) - mean);
                    assert!((f64::from(gradient[i]) - g).abs() < 2e-6, "{count} {i}");
                }
            }
        }
    }

    #[test]
    fn a_score_that_is_no_number_spoils_its_row() {
        for place in [0, 70] {
            let mut row = vec![0.5; 77];
            row[place] = f32::NAN;
            let [mut wide, mut narrow] = [row.clone(), row];
            let scale = 1.0;
            let row = &mut wide;
            assert!(Arch::new().dispatch(Exponentials { row, scale }).is_nan());
            let row = &mut narrow;
            assert!(Exponentials { row, scale }.with_simd(Scalar).is_nan());
        }
    }
}
