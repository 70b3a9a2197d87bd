//! The passes of a batch norm over the values of a map, in vector registers.
#![allow(
    clippy::inline_always,
    reason = "vector code has the instructions of the function that it is inlined into"
)]

use pulp::{Simd, WithSimd};

/// The sums of `value - center` and of its square.
pub(super) struct Deviations<'a> {
    pub values: &'a [f32],
    pub center: f32,
}

impl WithSimd for Deviations<'_> {
    type Output = [f32; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f32; 2] {
        let center = simd.splat_f32s(self.center);
        let (values, tail) = S::as_simd_f32s(self.values);
        let zero = simd.splat_f32s(0.0);
        let (mut sums, mut squares) = ([zero; 2], [zero; 2]);
        let (pairs, last) = values.as_chunks::<2>();
        for pair in pairs {
            for lane in 0..2 {
                let value = simd.sub_f32s(pair[lane], center);
                sums[lane] = simd.add_f32s(sums[lane], value);
                squares[lane] = simd.mul_add_e_f32s(value, value, squares[lane]);
            }
        }
        for value in last {
            let value = simd.sub_f32s(*value, center);
            sums[0] = simd.add_f32s(sums[0], value);
            squares[0] = simd.mul_add_e_f32s(value, value, squares[0]);
        }
        let mut sum = simd.reduce_sum_f32s(simd.add_f32s(sums[0], sums[1]));
        let mut square = simd.reduce_sum_f32s(simd.add_f32s(squares[0], squares[1]));
        for value in tail {
            let value = value - self.center;
            sum += value;
            square += value * value;
        }
        [sum, square]
    }
}

/// `y = x * line[0] + line[1]` within the limits.
pub(super) struct Normalize<'a> {
    pub y: &'a mut [f32],
    pub x: &'a [f32],
    pub line: [f32; 2],
    pub limits: [f32; 2],
}

impl WithSimd for Normalize<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [scale, shift] = self.line.map(|v| simd.splat_f32s(v));
        let [low, high] = self.limits.map(|v| simd.splat_f32s(v));
        let (x, x_tail) = S::as_simd_f32s(self.x);
        let (y, y_tail) = S::as_mut_simd_f32s(self.y);
        for (y, x) in y.iter_mut().zip(x) {
            let value = simd.mul_add_e_f32s(*x, scale, shift);
            *y = simd.min_f32s(high, simd.max_f32s(low, value));
        }
        for (y, x) in y_tail.iter_mut().zip(x_tail) {
            let value = x * self.line[0] + self.line[1];
            *y = value.max(self.limits[0]).min(self.limits[1]);
        }
    }
}

/// The sums of the gradient that the activation lets through, and of its products with `x - center`.
pub(super) struct GradientSums<'a> {
    pub x: &'a [f32],
    pub gradient: &'a [f32],
    pub center: f32,
    pub line: [f32; 2],
    pub limits: [f32; 2],
}

impl WithSimd for GradientSums<'_> {
    type Output = [f32; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f32; 2] {
        let center = simd.splat_f32s(self.center);
        let (x, x_tail) = S::as_simd_f32s(self.x);
        let (gradient, g_tail) = S::as_simd_f32s(self.gradient);
        let mut sum = simd.splat_f32s(0.0);
        let mut product = sum;
        for (x, gradient) in x.iter().zip(gradient) {
            let gradient = through(simd, *x, *gradient, self.line, self.limits);
            sum = simd.add_f32s(sum, gradient);
            product = simd.mul_add_e_f32s(gradient, simd.sub_f32s(*x, center), product);
        }
        let (mut sum, mut product) = (simd.reduce_sum_f32s(sum), simd.reduce_sum_f32s(product));
        for (x, gradient) in x_tail.iter().zip(g_tail) {
            let gradient = through_one(*x, *gradient, self.line, self.limits);
            sum += gradient;
            product += gradient * (x - self.center);
        }
        [sum, product]
    }
}

/// `change = line[0] * (gradient - means[0] - (x - center) * means[1])`, with the gradient that the
/// activation lets through.
pub(super) struct InputGradient<'a> {
    pub change: &'a mut [f32],
    pub x: &'a [f32],
    pub gradient: &'a [f32],
    pub center: f32,
    pub line: [f32; 2],
    pub limits: [f32; 2],
    pub means: [f32; 2],
}

impl WithSimd for InputGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (center, scale) = (simd.splat_f32s(self.center), simd.splat_f32s(self.line[0]));
        let [mean, slope] = self.means.map(|v| simd.splat_f32s(v));
        let (x, x_tail) = S::as_simd_f32s(self.x);
        let (gradient, g_tail) = S::as_simd_f32s(self.gradient);
        let (change, c_tail) = S::as_mut_simd_f32s(self.change);
        for ((change, x), gradient) in change.iter_mut().zip(x).zip(gradient) {
            let gradient = through(simd, *x, *gradient, self.line, self.limits);
            let along = simd.mul_add_e_f32s(simd.sub_f32s(*x, center), slope, mean);
            *change = simd.mul_f32s(scale, simd.sub_f32s(gradient, along));
        }
        for ((change, x), gradient) in c_tail.iter_mut().zip(x_tail).zip(g_tail) {
            let gradient = through_one(*x, *gradient, self.line, self.limits);
            let along = (x - self.center) * self.means[1] + self.means[0];
            *change = self.line[0] * (gradient - along);
        }
    }
}

/// The gradient where the value after the norm lies between the limits, else 0.
#[inline(always)]
fn through<S: Simd>(
    simd: S,
    x: S::f32s,
    gradient: S::f32s,
    line: [f32; 2],
    limits: [f32; 2],
) -> S::f32s {
    let [scale, shift] = line.map(|v| simd.splat_f32s(v));
    let [low, high] = limits.map(|v| simd.splat_f32s(v));
    let value = simd.mul_add_e_f32s(x, scale, shift);
    let above = simd.less_than_f32s(low, value);
    let below = simd.less_than_f32s(value, high);
    simd.select_f32s(simd.and_m32s(above, below), gradient, simd.splat_f32s(0.0))
}

fn through_one(x: f32, gradient: f32, line: [f32; 2], limits: [f32; 2]) -> f32 {
    let value = x * line[0] + line[1];
    if limits[0] < value && value < limits[1] {
        gradient
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, Scalar, WithSimd};

    use super::{Deviations, GradientSums, InputGradient, Normalize};

    fn assert_close(wide: &[f32], narrow: &[f32]) {
        for (a, b) in wide.iter().zip(narrow) {
            assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "{a} and {b}");
        }
    }

    /// Machines differ in the width of their vectors; the narrowest is tried beside that at hand, with
    /// values that fill no vector, some, and some with a rest.
    #[test]
    fn vectors_of_one_value_give_the_same() {
        for count in [1, 64, 77] {
            let x: Vec<f32> = (0..count)
                .map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0)
                .collect();
            let gradient: Vec<f32> = x.iter().map(|x| 0.3 - x * x).collect();
            let (x, gradient) = (x.as_slice(), gradient.as_slice());
            let (center, line, limits) = (0.1, [1.5, -0.2], [0.0, 0.7]);
            let arch = Arch::new();
            let deviations = || Deviations { values: x, center };
            assert_close(
                &arch.dispatch(deviations()),
                &deviations().with_simd(Scalar),
            );
            let sums = || GradientSums {
                x,
                gradient,
                center,
                line,
                limits,
            };
            assert_close(&arch.dispatch(sums()), &sums().with_simd(Scalar));
            let [mut wide, mut narrow] = [vec![0.0; count], vec![0.0; count]];
            arch.dispatch(Normalize {
                y: &mut wide,
                x,
                line,
                limits,
            });
            Normalize {
                y: &mut narrow,
                x,
                line,
                limits,
            }
            .with_simd(Scalar);
            assert_close(&wide, &narrow);
            let means = [0.2, -0.4];
            let change = |change| InputGradient {
                change,
                x,
                gradient,
                center,
                line,
                limits,
                means,
            };
            arch.dispatch(change(&mut wide));
            change(&mut narrow).with_simd(Scalar);
            assert_close(&wide, &narrow);
        }
    }
}
