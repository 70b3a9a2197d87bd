//! Convolutions of all channels of a group with each other, as products of matrices.

use std::ops::Range;

use rayon::prelude::*;

use super::columns::Patches;
use super::geometry::Geometry;
use super::product::{Matrix, MatrixMut, product};
use crate::activation::Activation;

/// Values of the matrix of patches that are worked on at a time: it stays in the second cache.
const TILE_VALUES: usize = 1 << 18;
/// Fewest columns of such a matrix, so that the weights are not read too often.
const TILE_COLUMNS: usize = 192;

/// Weights as a matrix over the values of a column, and where its results go.
struct Pass<'a> {
    patches: &'a Patches,
    /// `[rows, depth * taps]` of every group, `rows * depth * taps` values apart.
    weights: &'a [f32],
    strides: [usize; 2],
    /// Output and input channels of a group.
    rows: usize,
    depth: usize,
    groups: usize,
    /// Height and width of a map of results, the first place and the step between places.
    plane: [usize; 2],
    base: [usize; 2],
    step: [usize; 2],
    bias: Option<&'a [f32]>,
    activation: Activation,
}

/// `y[n, o] = activation(bias[o] + sum over c of w[o, c] * x[n, c])`, `[batch, outputs, height, width]`.
pub(super) fn forward(
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
    activation: Activation,
    shape: &Geometry,
) -> Vec<f32> {
    let patches = input_patches(shape);
    let mut y = vec![0.0; shape.batch * shape.outputs * shape.output_plane()];
    let pass = Pass {
        patches: &patches,
        weights: w,
        strides: [shape.depth() * shape.taps(), 1],
        rows: shape.width(),
        depth: shape.depth(),
        groups: shape.groups,
        plane: shape.output,
        base: [0, 0],
        step: [1, 1],
        bias,
        activation,
    };
    run(&[pass], x, &mut y, shape.batch);
    y
}

/// The gradient with respect to the input from that with respect to the output.
///
/// The inputs that lie at the same place within a stride meet the same values of the kernel, so each
/// such set is a convolution of the output's gradient with those values alone.
pub(super) fn input_gradient(gradient: &[f32], w: &[f32], shape: &Geometry) -> Vec<f32> {
    let mut x = vec![0.0; shape.batch * shape.inputs * shape.input_plane()];
    let [tall, wide] = shape.stride;
    let sets: Vec<_> = (0..tall * wide)
        .map(|set| phase(w, shape, [set / wide, set % wide]))
        .collect();
    let passes: Vec<_> = sets
        .iter()
        .filter(|(patches, ..)| patches.columns() > 0 && !patches.taps.is_empty())
        .map(|(patches, weights, base)| Pass {
            patches,
            weights: weights.as_deref().unwrap_or(w),
            strides: match weights {
                Some(_) => [shape.width() * patches.taps.len(), 1],
                None => [1, shape.depth()],
            },
            rows: shape.depth(),
            depth: shape.width(),
            groups: shape.groups,
            plane: shape.input,
            base: *base,
            step: shape.stride,
            bias: None,
            activation: Activation::None,
        })
        .collect();
    run(&passes, gradient, &mut x, shape.batch);
    x
}

/// The patches of the output's gradient and the weights that make the inputs at `base` and every
/// stride from there; no weights if those of the kernel serve as they lie.
fn phase(w: &[f32], shape: &Geometry, base: [usize; 2]) -> (Patches, Option<Vec<f32>>, [usize; 2]) {
    let along = |axis: usize| -> Vec<(usize, isize)> {
        (0..shape.kernel[axis])
            .filter_map(|k| {
                let stride = shape.stride[axis].cast_signed();
                let from = (base[axis] + shape.padding[axis]).cast_signed()
                    - (k * shape.dilation[axis]).cast_signed();
                (from.rem_euclid(stride) == 0).then(|| (k, from.div_euclid(stride)))
            })
            .collect()
    };
    let (rows, columns) = (along(0), along(1));
    let pairs = || {
        rows.iter()
            .flat_map(|r| columns.iter().map(move |c| (r, c)))
    };
    let grid = [0, 1].map(|axis| {
        let left = shape.input[axis].saturating_sub(base[axis]);
        left.div_ceil(shape.stride[axis])
    });
    let patches = Patches {
        plane: shape.output,
        grid,
        step: [1, 1],
        taps: pairs().map(|(r, c)| [r.1, c.1]).collect(),
    };
    let (depth, width, taps) = (shape.depth(), shape.width(), shape.taps());
    if taps == 1 || patches.taps.is_empty() {
        return (patches, None, base);
    }
    let at: Vec<usize> = pairs().map(|(r, c)| r.0 * shape.kernel[1] + c.0).collect();
    let mut weights = vec![0.0; shape.inputs * width * at.len()];
    let rows = weights.par_chunks_exact_mut(width * at.len()).enumerate();
    rows.for_each(|(input, row)| {
        let (group, input) = (input / depth, input % depth);
        let outputs = group * width..(group + 1) * width;
        for (values, output) in row.chunks_exact_mut(at.len()).zip(outputs) {
            let kernel = &w[(output * depth + input) * taps..];
            for (value, at) in values.iter_mut().zip(&at) {
                *value = kernel[*at];
            }
        }
    });
    (patches, Some(weights), base)
}

/// The gradient with respect to the weights, `[outputs, inputs / groups, kernel height, kernel width]`.
pub(super) fn weight_gradient(x: &[f32], gradient: &[f32], shape: &Geometry) -> Vec<f32> {
    let patches = input_patches(shape);
    let (depth, width, taps) = (shape.depth(), shape.width(), shape.taps());
    let columns = patches.columns();
    let joined = columns < TILE_COLUMNS && shape.batch > 1;
    // With small maps the images lie side by side: `[outputs, batch * columns]`.
    let together = joined.then(|| side_by_side(gradient, shape.batch, shape.outputs, columns));
    let (gradient, row, runs) = match &together {
        Some(together) => (together.as_slice(), columns * shape.batch, 1),
        None => (gradient, columns, shape.batch),
    };
    // Channels at a time: enough for the product, and enough parts for the threads.
    let rows = (depth * taps / 8).clamp(48, 256);
    let block = rows.div_ceil(taps).min(depth);
    let blocks: Vec<(usize, Range<usize>)> = (0..shape.groups)
        .flat_map(|group| {
            (0..depth)
                .step_by(block)
                .map(move |start| (group, start..(start + block).min(depth)))
        })
        .collect();
    let tile = tile_columns(block * taps, row);
    let image = shape.inputs * shape.input_plane();
    let parts: Vec<Vec<f32>> = blocks
        .par_iter()
        .map(|(group, channels)| {
            let rows = channels.len() * taps;
            let mut part = vec![0.0; rows * width];
            let mut matrix = vec![0.0; rows * tile];
            let channels = group * depth + channels.start..group * depth + channels.end;
            for run in 0..runs {
                let outputs = &gradient[(run * shape.outputs + group * width) * row..];
                for start in (0..row).step_by(tile) {
                    let here = start..(start + tile).min(row);
                    let right = Matrix::new(&outputs[here.start..], [here.len(), width], [1, row]);
                    let left = if patches.is_identity() && !joined {
                        let first = run * image + channels.start * row + here.start;
                        Matrix::new(&x[first..], [rows, here.len()], [row, 1])
                    } else {
                        let matrix = &mut matrix[..rows * here.len()];
                        let maps = &x[run * image..];
                        patches.fill(matrix, maps, image, channels.clone(), here.clone());
                        Matrix::new(matrix, [rows, here.len()], [here.len(), 1])
                    };
                    let mut sum = MatrixMut::new(&mut part, [rows, width], [1, rows]);
                    product(&mut sum, left, right, true, false);
                }
            }
            part
        })
        .collect();
    // Parts are `[width, channels * taps]`, one after another within a group.
    let mut w = Vec::with_capacity(shape.outputs * depth * taps);
    for output in 0..shape.outputs {
        let (group, row) = (output / width, output % width);
        for ((of, channels), part) in blocks.iter().zip(&parts) {
            if *of == group {
                let length = channels.len() * taps;
                w.extend_from_slice(&part[row * length..(row + 1) * length]);
            }
        }
    }
    w
}

/// The patches that a convolution reads.
fn input_patches(shape: &Geometry) -> Patches {
    let tap = |axis: usize, k: usize| {
        (k * shape.dilation[axis]).cast_signed() - shape.padding[axis].cast_signed()
    };
    let taps = (0..shape.kernel[0])
        .flat_map(|r| (0..shape.kernel[1]).map(move |c| [tap(0, r), tap(1, c)]))
        .collect();
    Patches {
        plane: shape.input,
        grid: shape.output,
        step: shape.stride,
        taps,
    }
}

/// `[batch, channels, columns]` as `[channels, batch * columns]`.
fn side_by_side(maps: &[f32], batch: usize, channels: usize, columns: usize) -> Vec<f32> {
    let mut rows = vec![0.0; maps.len()];
    rows.par_chunks_mut(batch * columns)
        .enumerate()
        .for_each(|(channel, row)| {
            for (image, part) in row.chunks_exact_mut(columns).enumerate() {
                let start = (image * channels + channel) * columns;
                part.copy_from_slice(&maps[start..start + columns]);
            }
        });
    rows
}

/// Columns of a tile of a matrix with so many rows, of at most `all`.
fn tile_columns(rows: usize, all: usize) -> usize {
    let most = (TILE_VALUES / rows.max(1)).max(TILE_COLUMNS);
    let tiles = all.div_ceil(most).max(1);
    all.div_ceil(tiles).next_multiple_of(16).min(all.max(1))
}

/// Matrices that a thread uses again.
#[derive(Default)]
struct Scratch {
    /// Patches.
    matrix: Vec<f32>,
    /// Results that do not lie together.
    aside: Vec<f32>,
}

/// Runs the passes over all images.
fn run(passes: &[Pass<'_>], maps: &[f32], results: &mut [f32], batch: usize) {
    let Some(first) = passes.first() else { return };
    if batch == 0 || results.is_empty() {
        return;
    }
    let image = results.len() / batch;
    let source = maps.len() / batch;
    // Images of a part: small maps are taken together.
    let columns = first.patches.columns();
    let threads = rayon::current_num_threads();
    let together =
        (TILE_COLUMNS.max(2 * columns / 3) / columns.max(1)).clamp(1, batch.div_ceil(threads));
    let parts = batch.div_ceil(together);
    let alone = parts < threads;
    let work = |scratch: &mut Scratch, part: usize, results: &mut [f32]| {
        let maps = &maps[part * together * source..];
        for pass in passes {
            pass.run(scratch, maps, source, results, image, alone);
        }
    };
    if alone {
        let mut scratch = Scratch::default();
        let parts = results.chunks_mut(together * image).enumerate();
        parts.for_each(|(part, results)| work(&mut scratch, part, results));
    } else {
        let parts = results.par_chunks_mut(together * image).enumerate();
        parts.for_each_init(Scratch::default, |scratch, (part, results)| {
            work(scratch, part, results);
        });
    }
}

impl Pass<'_> {
    /// The results of some images, `image` values each, from maps of `source` values an image; with
    /// all threads within a product if there is nothing else to share out.
    fn run(
        &self,
        scratch: &mut Scratch,
        maps: &[f32],
        source: usize,
        results: &mut [f32],
        image: usize,
        threads: bool,
    ) {
        let images = results.len() / image;
        let columns = self.patches.columns() * images;
        let values = self.depth * self.patches.taps.len();
        let [height, width] = self.plane;
        let plane = height * width;
        let straight = images == 1 && self.step == [1, 1];
        let identity = self.patches.is_identity() && images == 1;
        let tile = tile_columns(if identity { self.rows } else { values }, columns);
        let Scratch { matrix, aside } = scratch;
        matrix.resize(
            if identity { 0 } else { values * tile }.max(matrix.len()),
            0.0,
        );
        aside.resize(
            if straight { 0 } else { self.rows * tile }.max(aside.len()),
            0.0,
        );
        for start in (0..columns).step_by(tile) {
            let here = start..(start + tile).min(columns);
            for group in 0..self.groups {
                let weights = &self.weights[group * self.rows * values..];
                let left = Matrix::new(weights, [self.rows, values], self.strides);
                let right = if identity {
                    let first = group * self.depth * columns + here.start;
                    Matrix::new(&maps[first..], [values, here.len()], [columns, 1])
                } else {
                    let matrix = &mut matrix[..values * here.len()];
                    self.fill(matrix, maps, source, group, &here, threads);
                    Matrix::new(matrix, [values, here.len()], [here.len(), 1])
                };
                let first = group * self.rows;
                if straight {
                    let rows = &mut results[first * plane + here.start..];
                    let mut sum = MatrixMut::new(rows, [self.rows, here.len()], [plane, 1]);
                    product(&mut sum, left, right, false, threads);
                    for row in 0..self.rows {
                        let values = &mut rows[row * plane..][..here.len()];
                        self.finish(values, first + row);
                    }
                } else {
                    let aside = &mut aside[..self.rows * here.len()];
                    let mut sum = MatrixMut::new(aside, [self.rows, here.len()], [here.len(), 1]);
                    product(&mut sum, left, right, false, threads);
                    for (row, values) in aside.chunks_exact_mut(here.len()).enumerate() {
                        self.finish(values, first + row);
                        self.place(results, image, first + row, here.start, values);
                    }
                }
            }
        }
    }

    fn fill(
        &self,
        matrix: &mut [f32],
        maps: &[f32],
        source: usize,
        group: usize,
        columns: &Range<usize>,
        threads: bool,
    ) {
        let channels = group * self.depth..(group + 1) * self.depth;
        if !threads {
            self.patches
                .fill(matrix, maps, source, channels, columns.clone());
            return;
        }
        let rows = self.patches.taps.len() * columns.len();
        matrix
            .par_chunks_mut(rows)
            .zip(channels)
            .for_each(|(rows, channel)| {
                self.patches
                    .fill(rows, maps, source, channel..channel + 1, columns.clone());
            });
    }

    /// Adds the bias of an output channel and applies the activation.
    fn finish(&self, values: &mut [f32], channel: usize) {
        let bias = self.bias.map_or(0.0, |bias| bias[channel]);
        match self.activation {
            Activation::None if bias == 0.0 => {}
            Activation::None => {
                for value in values {
                    *value += bias;
                }
            }
            Activation::Clamp(low, high) => {
                for value in values {
                    *value = (*value + bias).max(low).min(high);
                }
            }
        }
    }

    /// Writes values of a channel to their places, counted through the images from `start`.
    fn place(
        &self,
        results: &mut [f32],
        image: usize,
        channel: usize,
        start: usize,
        values: &[f32],
    ) {
        let [_, across] = self.patches.grid;
        let [height, width] = self.plane;
        let mut values = values;
        let mut at = start;
        while !values.is_empty() {
            let (n, place) = (at / self.patches.columns(), at % self.patches.columns());
            let (y, x) = (place / across, place % across);
            let whole = self.step == [1, 1];
            let len = if whole {
                self.patches.columns() - place
            } else {
                across - x
            };
            let (part, rest) = values.split_at(len.min(values.len()));
            let row = self.base[0] + y * self.step[0];
            let first =
                n * image + (channel * height + row) * width + self.base[1] + x * self.step[1];
            if whole {
                results[first..first + part.len()].copy_from_slice(part);
            } else {
                let places = results[first..].iter_mut().step_by(self.step[1]);
                for (place, value) in places.zip(part) {
                    *place = *value;
                }
            }
            at += part.len();
            values = rest;
        }
    }
}
