//! Convolutions of all channels of a group with each other, as products of matrices.

use std::ops::Range;

use rayon::prelude::*;

use super::columns::Patches;
use super::geometry::Geometry;
use super::pass::{Pass, TILE_COLUMNS, Then, run, tile_columns};
use crate::product::{Matrix, MatrixMut, product};

/// `y[n, o] = activation(sum over c of w[o, c] * x[n, c] + bias[o] + around[n, o])`, `[batch, outputs,
/// height, width]`.
pub(super) fn forward(x: &[f32], w: &[f32], then: &Then<'_>, shape: &Geometry) -> Vec<f32> {
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
        then,
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
            then: &Then::NOTHING,
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
    let block = depth.div_ceil(depth.div_ceil(block));
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
