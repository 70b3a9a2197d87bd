//! Linear layers over rows, and their gradients, as products of matrices.

use std::ops::Range;

use rayon::prelude::*;

use super::Gelu;
use super::gelu::bend_in_place;
use super::sums::{add, total};
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
    /// `y[r, o] = f(sum over i of x[r, i] * w[i, o] + bias[o])`.
    pub(super) fn forward(
        &self,
        x: &[f32],
        w: &[f32],
        bias: &[f32],
        gelu: Option<Gelu>,
    ) -> Vec<f32> {
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
                for row in y.chunks_exact_mut(outputs) {
                    let row = &mut row[tile.clone()];
                    add(row, &bias[tile.clone()]);
                    if let Some(gelu) = gelu {
                        bend_in_place(row, gelu);
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
