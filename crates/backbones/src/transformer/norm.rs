//! Layer norm of rows in vector registers, and its gradients (Ba, Kiros & Hinton, "Layer Normalization",
//! 2016).
#![allow(
    clippy::inline_always,
    reason = "vector code has the instructions of the function that it is inlined into"
)]

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::sums::{add, total};

/// Values that a thread takes at least.
const SHARE: usize = 1 << 14;

/// The norm of rows as wide as `gamma`: `(x - mean) / sqrt(variance + epsilon) * gamma + beta`.
pub(super) fn forward(x: &[f32], gamma: &[f32], beta: &[f32], epsilon: f64) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    let width = gamma.len().max(1);
    let block = SHARE.div_ceil(width) * width;
    let arch = Arch::new();
    let blocks = y.par_chunks_mut(block).zip(x.par_chunks(block));
    blocks.for_each(|(y, x)| {
        for (y, x) in y.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
            let epsilon = epsilon as f32;
            arch.dispatch(Norm {
                y,
                x,
                gamma,
                epsilon,
            });
            add(y, beta);
        }
    });
    y
}

/// The gradients with respect to `x`, `gamma` and `beta`: with `g` the gradient and `n` the normed values,
/// `(g gamma - mean(g gamma) - n mean(g gamma n)) / sqrt(variance + epsilon)`, and the sums over the rows
/// of `g n` and of `g`.
pub(super) fn backward(x: &[f32], gamma: &[f32], gradient: &[f32], epsilon: f64) -> [Vec<f32>; 3] {
    let mut change = vec![0.0; x.len()];
    let width = gamma.len().max(1);
    let threads = rayon::current_num_threads().max(1);
    let rows = (x.len() / width).div_ceil(4 * threads);
    let block = rows.max(SHARE.div_ceil(width)) * width;
    let arch = Arch::new();
    let blocks = change.par_chunks_mut(block);
    let blocks = blocks.zip(x.par_chunks(block).zip(gradient.par_chunks(block)));
    // Collected, so that the order of the additions does not depend on which thread is first.
    let sums: Vec<[Vec<f32>; 2]> = blocks
        .map(|(change, (x, gradient))| {
            let [mut of_gamma, mut of_beta] = [vec![0.0; gamma.len()], vec![0.0; gamma.len()]];
            let rows = x.chunks_exact(width).zip(gradient.chunks_exact(width));
            for (change, (x, gradient)) in change.chunks_exact_mut(width).zip(rows) {
                arch.dispatch(NormGradient {
                    change,
                    of_gamma: &mut of_gamma,
                    x,
                    gamma,
                    gradient,
                    epsilon: epsilon as f32,
                });
                add(&mut of_beta, gradient);
            }
            [of_gamma, of_beta]
        })
        .collect();
    let total = |part: usize| total(sums.iter().map(|sums| &sums[part][..]), gamma.len());
    [change, total(0), total(1)]
}

/// The mean of a row and `1 / sqrt(variance + epsilon)`.
#[inline(always)]
fn moments<S: Simd>(simd: S, x: &[f32], epsilon: f32) -> [f32; 2] {
    let count = x.len() as f32;
    let (row, rest) = S::as_simd_f32s(x);
    let zero = simd.splat_f32s(0.0);
    let sum = row.iter().fold(zero, |sum, x| simd.add_f32s(sum, *x));
    let mean = (simd.reduce_sum_f32s(sum) + rest.iter().sum::<f32>()) / count;
    let center = simd.splat_f32s(mean);
    let squares = row.iter().fold(zero, |sum, x| {
        let off = simd.sub_f32s(*x, center);
        simd.mul_add_e_f32s(off, off, sum)
    });
    let last: f32 = rest.iter().map(|x| (x - mean) * (x - mean)).sum();
    let variance = (simd.reduce_sum_f32s(squares) + last) / count;
    [mean, 1.0 / (variance + epsilon).sqrt()]
}

/// `y = (x - mean) / sqrt(variance + epsilon) * gamma`.
struct Norm<'a> {
    y: &'a mut [f32],
    x: &'a [f32],
    gamma: &'a [f32],
    epsilon: f32,
}

impl WithSimd for Norm<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [mean, inverse] = moments(simd, self.x, self.epsilon);
        let (center, scale) = (simd.splat_f32s(mean), simd.splat_f32s(inverse));
        let (y, y_rest) = S::as_mut_simd_f32s(self.y);
        let (x, x_rest) = S::as_simd_f32s(self.x);
        let (gamma, gamma_rest) = S::as_simd_f32s(self.gamma);
        for ((y, x), gamma) in y.iter_mut().zip(x).zip(gamma) {
            let normed = simd.mul_f32s(simd.sub_f32s(*x, center), scale);
            *y = simd.mul_f32s(normed, *gamma);
        }
        for ((y, x), gamma) in y_rest.iter_mut().zip(x_rest).zip(gamma_rest) {
            *y = (x - mean) * inverse * gamma;
        }
    }
}

/// The gradient of a row, and what it adds to that of `gamma`.
struct NormGradient<'a> {
    change: &'a mut [f32],
    of_gamma: &'a mut [f32],
    x: &'a [f32],
    gamma: &'a [f32],
    gradient: &'a [f32],
    epsilon: f32,
}

impl WithSimd for NormGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let count = self.x.len() as f32;
        let [mean, inverse] = moments(simd, self.x, self.epsilon);
        let (center, scale) = (simd.splat_f32s(mean), simd.splat_f32s(inverse));
        let (x, x_rest) = S::as_simd_f32s(self.x);
        let (gamma, gamma_rest) = S::as_simd_f32s(self.gamma);
        let (gradient, gradient_rest) = S::as_simd_f32s(self.gradient);
        let (of_gamma, of_rest) = S::as_mut_simd_f32s(self.of_gamma);
        let zero = simd.splat_f32s(0.0);
        let (mut all, mut along) = (zero, zero);
        let values = x.iter().zip(gamma).zip(gradient);
        for (((x, gamma), gradient), of_gamma) in values.clone().zip(of_gamma) {
            let normed = simd.mul_f32s(simd.sub_f32s(*x, center), scale);
            *of_gamma = simd.mul_add_e_f32s(*gradient, normed, *of_gamma);
            let weighted = simd.mul_f32s(*gradient, *gamma);
            all = simd.add_f32s(all, weighted);
            along = simd.mul_add_e_f32s(weighted, normed, along);
        }
        let (mut all, mut along) = (simd.reduce_sum_f32s(all), simd.reduce_sum_f32s(along));
        let last = x_rest.iter().zip(gamma_rest).zip(gradient_rest);
        for (((x, gamma), gradient), of_gamma) in last.clone().zip(of_rest) {
            let normed = (x - mean) * inverse;
            *of_gamma += gradient * normed;
            all += gradient * gamma;
            along += gradient * gamma * normed;
        }
        let [all, along] = [all / count, along / count];
        let (change, change_rest) = S::as_mut_simd_f32s(self.change);
        let (level, tilt) = (simd.splat_f32s(all), simd.splat_f32s(along));
        for (change, ((x, gamma), gradient)) in change.iter_mut().zip(values) {
            let normed = simd.mul_f32s(simd.sub_f32s(*x, center), scale);
            let rest = simd.sub_f32s(simd.mul_f32s(*gradient, *gamma), level);
            let rest = simd.sub_f32s(rest, simd.mul_f32s(normed, tilt));
            *change = simd.mul_f32s(scale, rest);
        }
        for (change, ((x, gamma), gradient)) in change_rest.iter_mut().zip(last) {
            let normed = (x - mean) * inverse;
            *change = inverse * (gradient * gamma - all - normed * along);
        }
    }
}
