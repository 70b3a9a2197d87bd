//! A network of one hidden layer that tells two kinds of vectors apart, for a few dozen inputs.

use serde::{Deserialize, Serialize};

use crate::core::{mix, uniform};

/// Units of the hidden layer.
const HIDDEN: usize = 64;
const EPOCHS: usize = 40;
const BATCH: usize = 128;
const RATE: f64 = 3e-3;
const WEIGHT_DECAY: f64 = 1e-4;
/// Inputs are cut off this many deviations from the mean: what lies far outside is for the density.
const FARTHEST: f64 = 6.0;

/// `w2 · relu(W1 z + b1) + b2` of standardised inputs `z`: a logit, positive for the second kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Network {
    mean: Vec<f32>,
    deviation: Vec<f32>,
    /// Row by row `[HIDDEN, inputs]`, then the biases `[HIDDEN]`, the output weights `[HIDDEN]`, its bias.
    weights: Vec<f32>,
}

impl Network {
    /// Whether the parts fit each other and `inputs`, and are finite.
    pub(super) fn fits(&self, inputs: usize) -> bool {
        let all = [&self.mean, &self.deviation, &self.weights];
        self.mean.len() == inputs
            && self.deviation.len() == inputs
            && self.weights.len() == HIDDEN * (inputs + 2) + 1
            && all.into_iter().flatten().all(|v| v.is_finite())
            && self.deviation.iter().all(|&d| d > 0.0)
    }

    pub(super) fn logit(&self, input: &[f64]) -> f64 {
        let weights: Vec<f64> = self.weights.iter().map(|&w| f64::from(w)).collect();
        forward(&weights, &self.standard(input)).1
    }

    fn standard(&self, input: &[f64]) -> Vec<f64> {
        let scales = self.mean.iter().zip(&self.deviation);
        input
            .iter()
            .zip(scales)
            .map(|(v, (&m, &d))| (v - f64::from(m)) / f64::from(d))
            .map(|z| z.clamp(-FARTHEST, FARTHEST))
            .collect()
    }

    /// Trains by Adam on the cross-entropy; equal inputs and seeds give equal networks. Inputs are
    /// standardised by `first`.
    pub(super) fn train(first: &[Vec<f64>], second: &[Vec<f64>], seed: u64) -> Self {
        let inputs = first.first().map_or(0, Vec::len);
        let n = first.len().max(1) as f64;
        let mut mean = vec![0.0; inputs];
        for row in first {
            mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / n);
        }
        let mut variance = vec![0.0; inputs];
        for row in first {
            let both = row.iter().zip(&mean);
            let squares = both.map(|(v, m)| (v - m).powi(2) / n);
            variance.iter_mut().zip(squares).for_each(|(s, v)| *s += v);
        }
        let deviation = variance.iter().map(|v| v.sqrt().max(1e-6) as f32);
        let mut network = Self {
            mean: mean.iter().map(|&m| m as f32).collect(),
            deviation: deviation.collect(),
            weights: Vec::new(),
        };
        let standard = |row: &Vec<f64>| network.standard(row);
        let mut rows: Vec<(Vec<f64>, f64)> = first.iter().map(|r| (standard(r), 0.0)).collect();
        rows.extend(second.iter().map(|r| (standard(r), 1.0)));
        network.weights = fitted(&rows, inputs, seed)
            .into_iter()
            .map(|w| w as f32)
            .collect();
        network
    }
}

/// Hidden values and the logit.
fn forward(weights: &[f64], input: &[f64]) -> (Vec<f64>, f64) {
    let (rows, rest) = weights.split_at(HIDDEN * input.len());
    let (biases, rest) = rest.split_at(HIDDEN);
    let (outputs, last) = rest.split_at(HIDDEN);
    let hidden: Vec<f64> = rows
        .chunks_exact(input.len().max(1))
        .zip(biases)
        .map(|(row, bias)| {
            let sum: f64 = row.iter().zip(input).map(|(w, x)| w * x).sum();
            (sum + bias).max(0.0)
        })
        .collect();
    let logit: f64 = hidden.iter().zip(outputs).map(|(h, w)| h * w).sum();
    (hidden, logit + last.first().copied().unwrap_or(0.0))
}

/// Adds the gradient of the cross-entropy of one row, times `share`.
fn backward(weights: &[f64], gradient: &mut [f64], (input, label): &(Vec<f64>, f64), share: f64) {
    let (hidden, logit) = forward(weights, input);
    let slope = share * (1.0 / (1.0 + (-logit).exp()) - label);
    let (rows, rest) = gradient.split_at_mut(HIDDEN * input.len());
    let (biases, rest) = rest.split_at_mut(HIDDEN);
    let (outputs, last) = rest.split_at_mut(HIDDEN);
    let output_weights = weights.iter().skip(HIDDEN * (input.len() + 1));
    let units = rows.chunks_exact_mut(input.len().max(1)).zip(biases);
    for (((row, bias), (h, w)), output) in units.zip(hidden.iter().zip(output_weights)).zip(outputs)
    {
        *output += slope * h;
        if *h > 0.0 {
            *bias += slope * w;
            row.iter_mut()
                .zip(input)
                .for_each(|(g, x)| *g += slope * w * x);
        }
    }
    for g in last {
        *g += slope;
    }
}

fn fitted(rows: &[(Vec<f64>, f64)], inputs: usize, seed: u64) -> Vec<f64> {
    let count = HIDDEN * (inputs + 2) + 1;
    // Uniform of variance 1 / fan-in; biases start at 0.
    let mut weights: Vec<f64> = (0..count)
        .map(|i| {
            let fan_in = match i / HIDDEN {
                block if block < inputs => inputs,
                block if block == inputs + 1 => HIDDEN,
                _ => return 0.0,
            };
            let width = (12.0 / fan_in.max(1) as f64).sqrt();
            width * (uniform(mix(seed, i as u64)) - 0.5)
        })
        .collect();
    let (mut first, mut second) = (vec![0.0; count], vec![0.0; count]);
    let mut step = 0;
    for epoch in 0..EPOCHS {
        let rate = RATE * (1.0 - epoch as f64 / EPOCHS as f64);
        let order = mix(mix(seed, !0), epoch as u64);
        let mut shuffled: Vec<(u64, &(Vec<f64>, f64))> = (0u64..)
            .zip(rows)
            .map(|(i, row)| (mix(order, i), row))
            .collect();
        shuffled.sort_by_key(|(key, _)| *key);
        for batch in shuffled.chunks(BATCH) {
            let mut gradient = vec![0.0; count];
            for (_, row) in batch {
                backward(&weights, &mut gradient, row, 1.0 / batch.len() as f64);
            }
            step += 1;
            let correct = |decay: f64| 1.0 - decay.powi(step);
            let (c1, c2) = (correct(0.9), correct(0.999));
            let moments = first.iter_mut().zip(&mut second);
            for ((w, g), (m, v)) in weights.iter_mut().zip(gradient).zip(moments) {
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.999 * *v + 0.001 * g * g;
                *w -= rate * (*m / c1 / ((*v / c2).sqrt() + 1e-8) + WEIGHT_DECAY * *w);
            }
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_told_from_its_middle() {
        let ring = |radius: f64, n: u64| -> Vec<Vec<f64>> {
            (0..n)
                .map(|i| {
                    let (sin, cos) = (i as f64).sin_cos();
                    let r = radius + 0.2 * uniform(mix(3, i));
                    vec![r * cos, r * sin]
                })
                .collect()
        };
        let (inner, outer) = (ring(0.5, 300), ring(1.5, 300));
        let network = Network::train(&inner, &outer, 1);
        assert!(network.fits(2) && !network.fits(3));
        for i in 300..400 {
            let at = |radius: f64| [radius * f64::from(i).cos(), radius * f64::from(i).sin()];
            assert!(network.logit(&at(0.6)) < 0.0 && network.logit(&at(1.6)) > 0.0);
        }
        assert_eq!(network, Network::train(&inner, &outer, 1));
    }
}
