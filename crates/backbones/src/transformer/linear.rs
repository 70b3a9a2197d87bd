//! Linear layers over rows, and their gradients, as products of matrices.

use std::ops::Range;

use rayon::prelude::*;

use super::Gelu;
use super::gelu::bend_in_place;
use super::sums::{add, mix, scale_and_sum, total};
use crate::product::{Matrix, MatrixMut, product};

/// Most rows of a product. A product lays the weights out anew, so more rows are faster, as long as
/// there is work for all threads.
const ROWS: usize = 512;
/// Values of a product that are worked on at a time: they stay in the second cache.
const VALUES: usize = 1 << 18;

/// Sizes of a layer and of what it is applied to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer {
    pub rows: usize,
    pub inputs: usize,
    pub outputs: usize,
}

/// What follows the product of a linear layer while its values are still in the cache.
#[derive(Debug, Clone, Copy)]
pub(super) enum Then<'a> {
    Nothing,
    Gelu(Gelu),
    /// The result times a factor for each column, added to what goes around.
    Around {
        scale: &'a [f32],
        around: &'a [f32],
    },
}

/// Equal parts of `all`, none above `most`, and at least one for every thread.
fn part(all: usize, most: usize) -> usize {
    let threads = rayon::current_num_threads().max(1);
    let parts = all.div_ceil(most.max(1)).next_multiple_of(threads);
    all.div_ceil(parts.max(1)).max(1)
}

/// Tiles of `columns` columns for a block of `rows` rows.
fn tiles(rows: usize, columns: usize) -> impl Iterator<Item = Range<usize>> {
    let most = (VALUES / rows.max(1)).max(64);
    let count = columns.div_ceil(most).max(1);
    let tile = columns.div_ceil(count).next_multiple_of(64).max(1);
    (0..columns)
        .step_by(tile)
        .map(move |start| start..(start + tile).min(columns))
}

impl Layer {
    /// `y[r, o] = sum over i of x[r, i] * w[i, o] + bias[o]`, and what follows.
    pub(super) fn forward(&self, x: &[f32], w: &[f32], bias: &[f32], then: Then<'_>) -> Vec<f32> {
        let Self {
            rows,
            inputs,
            outputs,
        } = *self;
        let mut y = vec![0.0; rows * outputs];
        let block = part(rows, ROWS);
        let blocks = y.par_chunks_mut((block * outputs).max(1)).enumerate();
        blocks.for_each(|(at, y)| {
            let count = y.len() / outputs;
            let x = &x[at * block * inputs..];
            let left = Matrix::new(x, [count, inputs], [inputs, 1]);
            for tile in tiles(count, outputs) {
                let shape = [inputs, tile.len()];
                let right = Matrix::new(&w[tile.start..], shape, [outputs, 1]);
                let shape = [count, tile.len()];
                let mut sum = MatrixMut::new(&mut y[tile.start..], shape, [outputs, 1]);
                product(&mut sum, left, right, false, false);
                let bias = &bias[tile.clone()];
                for (row, values) in y.chunks_exact_mut(outputs).enumerate() {
                    let values = &mut values[tile.clone()];
                    match then {
                        Then::Nothing => add(values, bias),
                        Then::Gelu(gelu) => {
                            add(values, bias);
                            bend_in_place(values, gelu);
                        }
                        Then::Around { scale, around } => {
                            let start = (at * block + row) * outputs + tile.start;
                            let around = &around[start..start + values.len()];
                            mix(values, bias, &scale[tile.clone()], around);
                        }
                    }
                }
            }
        });
        y
    }

    /// The gradient with respect to `x`.
    pub(super) fn input_gradient(&self, gradient: &[f32], w: &[f32]) -> Vec<f32> {
        let Self {
            rows,
            inputs,
            outputs,
        } = *self;
        let mut x = vec![0.0; rows * inputs];
        let block = part(rows, ROWS);
        let right = Matrix::new(w, [outputs, inputs], [1, outputs]);
        let blocks = x.par_chunks_mut((block * inputs).max(1)).enumerate();
        blocks.for_each(|(at, x)| {
            let count = x.len() / inputs;
            let gradient = &gradient[at * block * outputs..];
            let left = Matrix::new(gradient, [count, outputs], [outputs, 1]);
            let mut sum = MatrixMut::new(x, [count, inputs], [inputs, 1]);
            product(&mut sum, left, right, false, false);
        });
        x
    }

    /// The gradient with respect to `w`.
    pub(super) fn weight_gradient(&self, x: &[f32], gradient: &[f32]) -> Vec<f32> {
        let Self {
            rows,
            inputs,
            outputs,
        } = *self;
        let mut w = vec![0.0; inputs * outputs];
        let block = part(inputs, ROWS);
        let right = Matrix::new(gradient, [rows, outputs], [outputs, 1]);
        let blocks = w.par_chunks_mut((block * outputs).max(1)).enumerate();
        blocks.for_each(|(at, w)| {
            let count = w.len() / outputs;
            // Without rows there is no x.
            let x = x.get(at * block..).unwrap_or_default();
            let left = Matrix::new(x, [count, rows], [1, inputs]);
            let mut sum = MatrixMut::new(w, [count, outputs], [outputs, 1]);
            product(&mut sum, left, right, false, false);
        });
        w
    }

    /// The gradient with respect to the bias: the sums of the columns. The order of the additions does not
    /// depend on which thread is first.
    pub(super) fn bias_gradient(&self, gradient: &[f32]) -> Vec<f32> {
        let width = self.outputs;
        let block = part(self.rows, ROWS) * width;
        let blocks = gradient.par_chunks(block.max(1));
        let sums: Vec<_> = blocks
            .map(|rows| total(rows.chunks_exact(width), width))
            .collect();
        total(sums.iter().map(Vec::as_slice), width)
    }
}

/// `around + scale * y`, with a factor for each column.
pub(super) fn add_scaled(around: &[f32], scale: &[f32], y: &[f32]) -> Vec<f32> {
    let width = scale.len().max(1);
    let zeros = vec![0.0; width];
    let block = part(y.len() / width, ROWS) * width;
    let mut sum = y.to_vec();
    let blocks = sum.par_chunks_mut(block).zip(around.par_chunks(block));
    blocks.for_each(|(sum, around)| {
        for (row, around) in sum.chunks_exact_mut(width).zip(around.chunks_exact(width)) {
            mix(row, &zeros, scale, around);
        }
    });
    sum
}

/// The gradients with respect to `scale` and `y` of [`add_scaled`].
pub(super) fn add_scaled_gradients(scale: &[f32], y: &[f32], gradient: &[f32]) -> [Vec<f32>; 2] {
    let width = scale.len().max(1);
    let block = part(y.len() / width, ROWS) * width;
    let mut change = vec![0.0; y.len()];
    let blocks = change.par_chunks_mut(block);
    let blocks = blocks.zip(y.par_chunks(block).zip(gradient.par_chunks(block)));
    let sums: Vec<_> = blocks
        .map(|(change, (y, gradient))| {
            let mut sum = vec![0.0; scale.len()];
            let rows = y.chunks_exact(width).zip(gradient.chunks_exact(width));
            for (change, (y, gradient)) in change.chunks_exact_mut(width).zip(rows) {
                scale_and_sum(change, &mut sum, gradient, scale, y);
            }
            sum
        })
        .collect();
    let of_scale = total(sums.iter().map(Vec::as_slice), scale.len());
    [of_scale, change]
}
