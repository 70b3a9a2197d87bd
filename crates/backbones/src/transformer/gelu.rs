//! Smooth rectifiers in vector registers.
//!
//! Both are `x * P(X < x)` for a random `X` around 0: normal, or logistic with the scale that comes close
//! to it (Hendrycks & Gimpel, "Gaussian Error Linear Units", 2016). With the tail `q(a) = P(X > a)` at
//! `a = |x|` that is `max(x, 0) - a * q(a)`, which is exact to the last places for either sign.
#![allow(
    clippy::inline_always,
    reason = "vector code has the instructions of the function that it is inlined into"
)]

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::Gelu;
use super::exponential::exp;

/// Values that a thread takes at a time: they stay in the first cache.
const CHUNK: usize = 1 << 12;
/// From here on both tails are 0 in 32 bits.
const FAR: f32 = 64.0;
/// `1 / sqrt(2 pi)`.
const PEAK: f32 = 0.398_942_3;
/// `T` and the coefficients of `P`, by rising powers, in `q(a) = t P(t) exp(-a^2 / 2)` with
/// `t = 1 / (1 + T a)`. The form is that of Abramowitz & Stegun 7.1.26; the coefficients are fitted to
/// the relative error, which is below 1.5e-7 for `a` up to 14, where theirs are fitted to the absolute one.
const NORMAL: (f32, [f32; 8]) = (
    0.3,
    [
        0.119_629_31,
        0.120_753_86,
        0.099_914_06,
        0.128_559_82,
        -0.053_680_375,
        0.206_350_13,
        -0.157_201_23,
        0.035_674_36,
    ],
);
/// Steepness of the logistic distribution.
const LOGISTIC: f32 = 1.702;

/// A distribution around 0.
trait Distribution {
    /// `P(X > a)` and the density at `a`, for `a` not below 0.
    fn tail<S: Simd>(simd: S, a: S::f32s) -> [S::f32s; 2];
}

struct Normal;

impl Distribution for Normal {
    #[inline(always)]
    fn tail<S: Simd>(simd: S, a: S::f32s) -> [S::f32s; 2] {
        let splat = |value: f32| simd.splat_f32s(value);
        let (scale, coefficients) = NORMAL;
        let one = splat(1.0);
        let t = simd.div_f32s(one, simd.mul_add_e_f32s(a, splat(scale), one));
        let mut sum = splat(coefficients[7]);
        for coefficient in coefficients[..7].iter().rev() {
            sum = simd.mul_add_e_f32s(sum, t, splat(*coefficient));
        }
        let bell = exp(simd, simd.mul_f32s(simd.mul_f32s(a, a), splat(-0.5)));
        let q = simd.mul_f32s(simd.mul_f32s(sum, t), bell);
        [q, simd.mul_f32s(bell, splat(PEAK))]
    }
}

struct Logistic;

impl Distribution for Logistic {
    #[inline(always)]
    fn tail<S: Simd>(simd: S, a: S::f32s) -> [S::f32s; 2] {
        let one = simd.splat_f32s(1.0);
        let e = exp(simd, simd.mul_f32s(a, simd.splat_f32s(-LOGISTIC)));
        let below = simd.div_f32s(one, simd.add_f32s(one, e));
        let q = simd.mul_f32s(e, below);
        let density = simd.mul_f32s(simd.splat_f32s(LOGISTIC), simd.mul_f32s(q, below));
        [q, density]
    }
}

/// The size of `x`, at most [`FAR`]; what is no number stays none.
#[inline(always)]
fn size<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let a = simd.max_f32s(x, simd.sub_f32s(simd.splat_f32s(0.0), x));
    let far = simd.splat_f32s(FAR);
    simd.select_f32s(simd.less_than_f32s(far, a), far, a)
}

/// `max(x, 0) - a * q(a)`.
#[inline(always)]
fn bend<S: Simd, D: Distribution>(simd: S, x: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    let a = size(simd, x);
    let [q, _] = D::tail(simd, a);
    let rectified = simd.select_f32s(simd.less_than_f32s(zero, x), x, zero);
    simd.sub_f32s(rectified, simd.mul_f32s(a, q))
}

/// The derivative: `q - a * density` below 0, and 1 less that above.
#[inline(always)]
fn slope<S: Simd, D: Distribution>(simd: S, x: S::f32s) -> S::f32s {
    let a = size(simd, x);
    let [q, density] = D::tail(simd, a);
    let below = simd.sub_f32s(q, simd.mul_f32s(a, density));
    let above = simd.sub_f32s(simd.splat_f32s(1.0), below);
    simd.select_f32s(simd.less_than_f32s(x, simd.splat_f32s(0.0)), below, above)
}

/// Rectifies values in place.
struct Bend<'a>(&'a mut [f32], Gelu);

impl WithSimd for Bend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.1 {
            Gelu::Normal => bend_each::<S, Normal>(simd, self.0),
            Gelu::Logistic => bend_each::<S, Logistic>(simd, self.0),
        }
    }
}

#[inline(always)]
fn bend_each<S: Simd, D: Distribution>(simd: S, values: &mut [f32]) {
    let (values, rest) = S::as_mut_simd_f32s(values);
    for value in values {
        *value = bend::<S, D>(simd, *value);
    }
    if !rest.is_empty() {
        let last = bend::<S, D>(simd, simd.partial_load_f32s(rest));
        simd.partial_store_f32s(rest, last);
    }
}

/// Multiplies values by the derivatives at `x`.
struct Slope<'a> {
    values: &'a mut [f32],
    x: &'a [f32],
    gelu: Gelu,
}

impl WithSimd for Slope<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.gelu {
            Gelu::Normal => slope_each::<S, Normal>(simd, self.values, self.x),
            Gelu::Logistic => slope_each::<S, Logistic>(simd, self.values, self.x),
        }
    }
}

#[inline(always)]
fn slope_each<S: Simd, D: Distribution>(simd: S, values: &mut [f32], x: &[f32]) {
    let (values, rest) = S::as_mut_simd_f32s(values);
    let (x, x_rest) = S::as_simd_f32s(x);
    for (value, x) in values.iter_mut().zip(x) {
        *value = simd.mul_f32s(*value, slope::<S, D>(simd, *x));
    }
    if !rest.is_empty() {
        let last = slope::<S, D>(simd, simd.partial_load_f32s(x_rest));
        let last = simd.mul_f32s(simd.partial_load_f32s(rest), last);
        simd.partial_store_f32s(rest, last);
    }
}

/// Rectifies values that lie in the cache.
pub(super) fn bend_in_place(values: &mut [f32], gelu: Gelu) {
    Arch::new().dispatch(Bend(values, gelu));
}

/// The rectified values.
pub(super) fn forward(x: &[f32], gelu: Gelu) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    let chunks = y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK));
    chunks.for_each(|(y, x)| {
        y.copy_from_slice(x);
        bend_in_place(y, gelu);
    });
    y
}

/// The gradient with respect to `x` from that with respect to the rectified values.
pub(super) fn backward(x: &[f32], gradient: &[f32], gelu: Gelu) -> Vec<f32> {
    let mut change = vec![0.0; x.len()];
    let chunks = change.par_chunks_mut(CHUNK);
    let chunks = chunks.zip(x.par_chunks(CHUNK).zip(gradient.par_chunks(CHUNK)));
    chunks.for_each(|(change, (x, gradient))| {
        change.copy_from_slice(gradient);
        let values = change;
        Arch::new().dispatch(Slope { values, x, gelu });
    });
    change
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use pulp::{Scalar, WithSimd};

    use super::{Bend, Gelu, LOGISTIC, Slope, backward, forward};

    fn density(a: f64) -> f64 {
        (-a * a / 2.0).exp() / (2.0 * PI).sqrt()
    }

    /// `P(X > a)` of the normal distribution for `a` not below 0: Laplace's continued fraction far out, the
    /// series of the error function near.
    fn tail(a: f64) -> f64 {
        if a > 4.0 {
            let rest = (1..200).rev().fold(a, |rest, k| a + f64::from(k) / rest);
            return density(a) / rest;
        }
        let (mut term, mut sum) = (a, a);
        for k in 1..200 {
            term *= a * a / f64::from(2 * k + 1);
            sum += term;
        }
        0.5 - density(a) * sum
    }

    /// The function and its derivative.
    fn exact(x: f64, gelu: Gelu) -> [f64; 2] {
        match gelu {
            Gelu::Normal => {
                let below = if x < 0.0 { tail(-x) } else { 1.0 - tail(x) };
                [x * below, below + x * density(x)]
            }
            Gelu::Logistic => {
                let steep = f64::from(LOGISTIC);
                let below = 1.0 / (1.0 + (-steep * x).exp());
                [x * below, below + x * steep * below * (1.0 - below)]
            }
        }
    }

    #[test]
    fn the_reference_has_the_published_values() {
        // Abramowitz & Stegun, tables 26.1 and 26.2.
        let published = [
            (0.0, 0.5),
            (1.0, 0.158_655_253_931),
            (5.0, 2.866_515_72e-7),
            (10.0, 7.619_853_02e-24),
        ];
        for (a, q) in published {
            assert!((tail(a) / q - 1.0).abs() < 1e-8, "{a}");
        }
        assert!((tail(4.0 + 1e-12) / tail(4.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn values_and_derivatives_are_those_of_the_definition() {
        let x: Vec<f32> = (0..96_001).map(|i| (i - 48_000) as f32 / 4000.0).collect();
        let ones = vec![1.0; x.len()];
        for gelu in [Gelu::Normal, Gelu::Logistic] {
            let (mut values, mut slopes) = (x.clone(), ones.clone());
            Bend(&mut values, gelu).with_simd(Scalar);
            Slope {
                values: &mut slopes,
                x: &x,
                gelu,
            }
            .with_simd(Scalar);
            let wide = [forward(&x, gelu), backward(&x, &ones, gelu)];
            for [values, slopes] in [wide, [values, slopes]] {
                for (x, (y, slope)) in x.iter().zip(values.into_iter().zip(slopes)) {
                    let [exact, derivative] = exact(f64::from(*x), gelu);
                    let off = (f64::from(y) - exact).abs();
                    assert!(off <= 5e-7, "{gelu:?} of {x} is {exact}, not {y}");
                    // Below 0 the value is small and its relative error is small too.
                    assert!(*x >= 0.0 || off <= 1e-5 * exact.abs(), "{gelu:?} of {x}");
                    let off = (f64::from(slope) - derivative).abs();
                    assert!(
                        off <= 1e-6,
                        "at {x} {gelu:?} rises by {derivative}, not {slope}"
                    );
                }
            }
        }
    }

    #[test]
    fn far_from_zero_they_are_the_rectifier_and_no_number_stays_none() {
        let x = [f32::NEG_INFINITY, -1e30, 1e30, f32::INFINITY, f32::NAN];
        for gelu in [Gelu::Normal, Gelu::Logistic] {
            let y = forward(&x, gelu);
            assert_eq!(y[..4], [0.0, 0.0, 1e30, f32::INFINITY]);
            let slopes = backward(&x, &[1.0; 5], gelu);
            assert_eq!(slopes[..4], [0.0, 0.0, 1.0, 1.0]);
            assert!(y[4].is_nan() && slopes[4].is_nan());
        }
    }
}
