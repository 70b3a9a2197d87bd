//! Batch norm over maps `[batch, channels, values]`, one pass over the memory each.

use pulp::Arch;
use rayon::prelude::*;

use super::lanes::{Deviations, GradientSums, InputGradient, Normalize};
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
