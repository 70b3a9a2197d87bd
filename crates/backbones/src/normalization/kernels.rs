//! Batch norm over maps `[batch, channels, values]`, one pass over the memory each.
#![allow(
    clippy::inline_always,
    reason = "vector code has the instructions of the function that it is inlined into"
)]

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::activation::Activation;

/// Maps that a thread takes at least, as values.
const SHARE: usize = 1 << 14;

/// Sizes of maps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Maps {
    pub batch: usize,
    pub channels: usize,
    pub values: usize,
}

/// What a batch norm does to a channel: `(x - mean) * inverse * gamma + beta`.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    pub mean: Vec<f32>,
    /// Of the batch, biased.
    pub variance: Vec<f32>,
    /// `1 / sqrt(variance + epsilon)`.
    pub inverse: Vec<f32>,
}

impl Moments {
    pub(super) fn new(mean: Vec<f32>, variance: Vec<f32>, epsilon: f64) -> Self {
        let inverse = |v: &f32| (1.0 / (f64::from(*v) + epsilon).sqrt()) as f32;
        let inverse = variance.iter().map(inverse).collect();
        Self {
            mean,
            variance,
            inverse,
        }
    }

    /// `gamma * inverse` and `beta - mean * gamma * inverse` of a channel.
    fn line(&self, gamma: &[f32], beta: &[f32], channel: usize) -> [f32; 2] {
        let scale = gamma[channel] * self.inverse[channel];
        [scale, beta[channel] - self.mean[channel] * scale]
    }
}

impl Maps {
    fn plane<'a>(&self, x: &'a [f32], image: usize, channel: usize) -> &'a [f32] {
        &x[(image * self.channels + channel) * self.values..][..self.values]
    }

    /// `work` for every channel, on all threads.
    fn each_channel<T: Send>(&self, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
        let least = (SHARE / (self.batch * self.values).max(1)).max(1);
        let channels = (0..self.channels).into_par_iter().with_min_len(least);
        channels.map(&work).collect()
    }

    /// `work` for the channel and the values of every map of `y`, and its place.
    fn each_plane(&self, y: &mut [f32], work: impl Fn(usize, usize, &mut [f32]) + Sync) {
        let least = (SHARE / self.values.max(1)).max(1);
        let planes = y.par_chunks_exact_mut(self.values.max(1));
        let planes = planes.with_min_len(least).enumerate();
        planes.for_each(|(map, plane)| work(map % self.channels, map * self.values, plane));
    }

    /// Means and variances of the channels.
    pub(super) fn moments(&self, x: &[f32], epsilon: f64) -> Moments {
        let count = (self.batch * self.values) as f64;
        let arch = Arch::new();
        let of = |channel: usize| {
            let sums = |center: f32| {
                let planes = (0..self.batch).map(|image| {
                    let values = self.plane(x, image, channel);
                    arch.dispatch(Deviations { values, center })
                });
                planes.fold([0.0; 2], |[a, b], [c, d]| {
                    [a + f64::from(c), b + f64::from(d)]
                })
            };
            let mean = (sums(0.0)[0] / count) as f32;
            (mean, (sums(mean)[1] / count) as f32)
        };
        let (mean, variance) = self.each_channel(of).into_iter().unzip();
        Moments::new(mean, variance, epsilon)
    }

    /// The normed maps after the activation.
    pub(super) fn normalize(
        &self,
        x: &[f32],
        gamma: &[f32],
        beta: &[f32],
        moments: &Moments,
        activation: Activation,
    ) -> Vec<f32> {
        let mut y = vec![0.0; x.len()];
        let arch = Arch::new();
        let limits = activation.limits();
        self.each_plane(&mut y, |channel, place, y| {
            let x = &x[place..place + y.len()];
            let line = moments.line(gamma, beta, channel);
            arch.dispatch(Normalize { y, x, line, limits });
        });
        y
    }

    /// Gradients with respect to `x`, `gamma` and `beta`, through the moments too: with
    /// `g` the gradient where the activation lets it through and `n` the normed values,
    /// `gamma * inverse * (g - mean(g) - n * mean(g * n))` (Ioffe & Szegedy 2015).
    pub(super) fn gradients(
        &self,
        x: &[f32],
        gamma: &[f32],
        beta: &[f32],
        moments: &Moments,
        activation: Activation,
        gradient: &[f32],
    ) -> [Vec<f32>; 3] {
        let count = (self.batch * self.values) as f64;
        let arch = Arch::new();
        let limits = activation.limits();
        let sums = self.each_channel(|channel| {
            let (center, line) = (moments.mean[channel], moments.line(gamma, beta, channel));
            let planes = (0..self.batch).map(|image| {
                let x = self.plane(x, image, channel);
                let gradient = self.plane(gradient, image, channel);
                arch.dispatch(GradientSums {
                    x,
                    gradient,
                    center,
                    line,
                    limits,
                })
            });
            let [all, along] = planes.fold([0.0; 2], |[a, b], [c, d]| {
                [a + f64::from(c), b + f64::from(d)]
            });
            [all, along * f64::from(moments.inverse[channel])]
        });
        let mut change = vec![0.0; x.len()];
        self.each_plane(&mut change, |channel, place, change| {
            let (center, line) = (moments.mean[channel], moments.line(gamma, beta, channel));
            let [all, along] = sums[channel].map(|sum| sum / count);
            let slope = along * f64::from(moments.inverse[channel]);
            let here = place..place + change.len();
            arch.dispatch(InputGradient {
                change,
                x: &x[here.clone()],
                gradient: &gradient[here],
                center,
                line,
                limits,
                means: [all as f32, slope as f32],
            });
        });
        let of = |part: usize| sums.iter().map(|sum| sum[part] as f32).collect();
        [change, of(1), of(0)]
    }
}

/// The sums of `value - center` and of its square.
struct Deviations<'a> {
    values: &'a [f32],
    center: f32,
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
struct Normalize<'a> {
    y: &'a mut [f32],
    x: &'a [f32],
    line: [f32; 2],
    limits: [f32; 2],
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
struct GradientSums<'a> {
    x: &'a [f32],
    gradient: &'a [f32],
    center: f32,
    line: [f32; 2],
    limits: [f32; 2],
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
struct InputGradient<'a> {
    change: &'a mut [f32],
    x: &'a [f32],
    gradient: &'a [f32],
    center: f32,
    line: [f32; 2],
    limits: [f32; 2],
    means: [f32; 2],
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
