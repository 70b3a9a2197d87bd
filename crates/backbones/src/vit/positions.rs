//! Position embeddings on another grid than that of the checkpoint.

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// How position embeddings are brought to another grid: bicubic, by the rules of
/// `torch.nn.functional.interpolate`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PositionResize {
    /// Whether the kernel widens when the grid shrinks. As in `PyTorch` the cubic kernel then has
    /// a = -0.5, without it a = -0.75.
    pub antialias: bool,
    /// Added to the new number of rows and columns where the scale is computed: position `i` of `n`
    /// lies at `(i + 0.5) * old / (n + offset) - 0.5`. `DINOv2` without registers used 0.1, to keep a
    /// rounding error from losing a row.
    pub offset: f64,
}

impl PositionResize {
    /// `DINOv2` without registers, as its authors' program does.
    #[must_use]
    pub fn dinov2() -> Self {
        Self {
            antialias: false,
            offset: 0.1,
        }
    }

    /// `DINOv2` with registers, and timm for all its models.
    #[must_use]
    pub fn antialiased() -> Self {
        Self {
            antialias: true,
            offset: 0.0,
        }
    }

    /// `DINOv2` in version 5 of Hugging Face's transformers.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            antialias: false,
            offset: 0.0,
        }
    }

    /// Embeddings of a grid, `[1, rows * columns, width]` row by row, on another grid.
    pub(super) fn apply(
        self,
        positions: Tensor<3>,
        from: [usize; 2],
        to: [usize; 2],
        device: &Device,
    ) -> Tensor<3> {
        let [_, _, width] = positions.dims();
        let matrix = |axis: usize| {
            let values = self.weights(from[axis], to[axis]);
            Tensor::<2>::from_data(TensorData::new(values, [to[axis], from[axis]]), device)
        };
        // Rows first: [new rows, old columns * width].
        let rows = matrix(0).matmul(positions.reshape([from[0], from[1] * width]));
        let columns = matrix(1).unsqueeze::<3>().expand([to[0], to[1], from[1]]);
        columns
            .matmul(rows.reshape([to[0], from[1], width]))
            .reshape([1, to[0] * to[1], width])
    }

    /// Weights of `from` old positions in each of `to` new ones, row by row.
    fn weights(self, from: usize, to: usize) -> Vec<f32> {
        let scale = from as f64 / (to as f64 + self.offset);
        let mut weights = vec![0.0; from * to];
        for (i, row) in weights.chunks_exact_mut(from.max(1)).enumerate() {
            let center = scale * (i as f64 + 0.5);
            if self.antialias {
                antialiased_row(row, center, scale);
            } else {
                plain_row(row, center - 0.5);
            }
        }
        weights
    }
}

/// Four neighbours of `position`; those outside count as the nearest inside.
fn plain_row(row: &mut [f32], position: f64) {
    let last = row.len() as i64 - 1;
    let first = position.floor() as i64 - 1;
    for k in first..first + 4 {
        let weight = cubic(position - k as f64, -0.75);
        if let Some(slot) = row.get_mut(k.clamp(0, last) as usize) {
            *slot += weight as f32;
        }
    }
}

/// All neighbours under a kernel as wide as the step; those outside do not count.
fn antialiased_row(row: &mut [f32], center: f64, scale: f64) {
    let widening = scale.max(1.0);
    let support = 2.0 * widening;
    let first = ((center - support + 0.5) as i64).max(0);
    let end = ((center + support + 0.5) as i64).min(row.len() as i64);
    let weight = |k: i64| cubic((k as f64 - center + 0.5) / widening, -0.5);
    let total: f64 = (first..end).map(weight).sum();
    for k in first..end {
        if let Some(slot) = row.get_mut(k as usize) {
            *slot = (weight(k) / total) as f32;
        }
    }
}

/// The cubic convolution kernel of Keys (1981) with parameter `a`.
fn cubic(x: f64, a: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * a
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::PositionResize;

    #[test]
    fn the_same_grid_stays_and_constants_stay_constant() {
        for resize in [PositionResize::antialiased(), PositionResize::plain()] {
            let weights = resize.weights(5, 5);
            for (i, row) in weights.chunks(5).enumerate() {
                for (k, &w) in row.iter().enumerate() {
                    let expected = if i == k { 1.0 } else { 0.0 };
                    assert!((w - expected).abs() < 1e-6, "{resize:?} {i} {k} {w}");
                }
            }
        }
        for resize in [
            PositionResize::dinov2(),
            PositionResize::antialiased(),
            PositionResize::plain(),
        ] {
            for (from, to) in [(37, 16), (4, 9), (1, 3), (3, 1)] {
                for row in resize.weights(from, to).chunks(from) {
                    let sum: f32 = row.iter().sum();
                    assert!((sum - 1.0).abs() < 1e-5, "{resize:?} {from} {to} {sum}");
                }
            }
        }
    }
}
