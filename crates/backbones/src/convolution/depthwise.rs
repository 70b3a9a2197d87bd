//! Convolutions with a kernel for every channel.
//!
//! A padded map is taken apart by the place of its values within a stride, so that what a value of the
//! kernel meets lies in one piece: with rows of the same length for input and output, a whole map is
//! one long vector, and the columns beyond the output's width are computed and dropped.

use pulp::Arch;
use rayon::prelude::*;

use super::geometry::Geometry;
use super::lanes::{Correlate, Dots, LANES};
use super::pass::Then;

/// Where the values of a padded and divided map lie.
struct Layout {
    /// Length of the rows of a part and of the widened output.
    row: usize,
    /// Values of a part, including room for reading beyond its end.
    part: usize,
    /// Values of the output, its rows widened to `row`.
    wide: usize,
    /// Start of what each value of the kernel meets, over all parts.
    taps: Vec<usize>,
    /// Zeros around the widened output that make room for every kernel value.
    margin: usize,
}

impl Layout {
    fn new(shape: &Geometry) -> Self {
        let [tall, wide] = shape.stride;
        let reach =
            |axis: usize| (shape.kernel[axis] - 1) * shape.dilation[axis] / shape.stride[axis];
        let row = shape.output[1] + reach(1);
        let rows = shape.output[0] + reach(0);
        let part = (rows * row + reach(1)).next_multiple_of(LANES) + LANES;
        let taps = (0..shape.kernel[0])
            .flat_map(|r| (0..shape.kernel[1]).map(move |c| (r, c)))
            .map(|(r, c)| {
                let (y, x) = (r * shape.dilation[0], c * shape.dilation[1]);
                ((y % tall) * wide + x % wide) * part + y / tall * row + x / wide
            })
            .collect();
        let margin = (reach(0) * row + reach(1)).next_multiple_of(LANES);
        let wide = shape.output[0] * row;
        Self {
            row,
            part,
            wide,
            taps,
            margin,
        }
    }

    fn parts(&self, shape: &Geometry) -> usize {
        shape.stride[0] * shape.stride[1] * self.part
    }

    /// The map with its padding, taken apart.
    fn divide(&self, parts: &mut [f32], map: &[f32], shape: &Geometry) {
        for (y, line) in map.chunks_exact(shape.input[1]).enumerate() {
            for_each_place(self, shape, y, |start, first, count, step| {
                let Some(target) = parts.get_mut(start..start + count) else {
                    return;
                };
                let line = &line[first..];
                if step == 1 {
                    target.copy_from_slice(&line[..count]);
                } else if step == 2 {
                    let (pairs, odd) = line.as_chunks::<2>();
                    let (even, last) = target.split_at_mut(pairs.len().min(target.len()));
                    for (value, pair) in even.iter_mut().zip(pairs) {
                        *value = pair[0];
                    }
                    for (value, source) in last.iter_mut().zip(odd) {
                        *value = *source;
                    }
                } else {
                    for (value, source) in target.iter_mut().zip(line.iter().step_by(step)) {
                        *value = *source;
                    }
                }
            });
        }
    }

    /// Reads a map without its padding from its parts.
    fn join(&self, map: &mut [f32], parts: &[f32], shape: &Geometry) {
        for (y, line) in map.chunks_exact_mut(shape.input[1]).enumerate() {
            for_each_place(self, shape, y, |start, first, count, step| {
                let Some(source) = parts.get(start..start + count) else {
                    return;
                };
                for (value, source) in line[first..].iter_mut().step_by(step).zip(source) {
                    *value = *source;
                }
            });
        }
    }

    /// The gradient of an output map with its rows widened by zeros, after the margin.
    fn widen(&self, wide: &mut [f32], map: &[f32], shape: &Geometry) {
        let rows = wide[self.margin..].chunks_mut(self.row);
        for (row, line) in rows.zip(map.chunks_exact(shape.output[1])) {
            row[..line.len()].copy_from_slice(line);
        }
    }
}

/// The pieces of row `y` of an input map: start in the parts, first column, number of values and step
/// between their columns. Values that no kernel reaches are left out.
fn for_each_place(
    layout: &Layout,
    shape: &Geometry,
    y: usize,
    mut place: impl FnMut(usize, usize, usize, usize),
) {
    let [tall, wide] = shape.stride;
    let y = y + shape.padding[0];
    let (row, within) = (y / tall, y % tall);
    if row * layout.row >= layout.part - LANES {
        return;
    }
    for phase in 0..wide {
        // The first column whose place in the padded row is in this phase.
        let first = (phase + wide - shape.padding[1] % wide) % wide;
        if first >= shape.input[1] {
            continue;
        }
        let column = (first + shape.padding[1]) / wide;
        let count = (shape.input[1] - first).div_ceil(wide);
        let count = count.min(layout.row.saturating_sub(column));
        let start = (within * wide + phase) * layout.part + row * layout.row + column;
        place(start, first, count, wide);
    }
}

/// See `dense::forward`.
pub(super) fn forward(x: &[f32], w: &[f32], then: &Then<'_>, shape: &Geometry) -> Vec<f32> {
    let mut y = vec![0.0; shape.batch * shape.outputs * shape.output_plane()];
    let layout = Layout::new(shape);
    let (input, output) = (shape.input_plane(), shape.output_plane());
    let scratch = || {
        let wide = layout.wide.next_multiple_of(LANES);
        (vec![0.0; layout.parts(shape)], vec![0.0; wide])
    };
    let arch = Arch::new();
    y.par_chunks_mut(output)
        .enumerate()
        .for_each_init(scratch, |(parts, wide), (map, y)| {
            let channel = map % shape.outputs;
            let x = &x[map * input..(map + 1) * input];
            let kernel = &w[channel * shape.taps()..(channel + 1) * shape.taps()];
            layout.divide(parts, x, shape);
            let taps = &weighted(kernel, &layout.taps);
            arch.dispatch(Correlate {
                sum: wide,
                values: parts,
                taps,
            });
            let lines = y.chunks_exact_mut(shape.output[1]);
            for (line, row) in lines.zip(wide.chunks(layout.row)) {
                line.copy_from_slice(&row[..line.len()]);
            }
            then.finish(y, channel, map * output);
        });
    y
}

fn weighted(kernel: &[f32], starts: &[usize]) -> Vec<(f32, usize)> {
    kernel.iter().copied().zip(starts.iter().copied()).collect()
}

/// See `dense::input_gradient`.
pub(super) fn input_gradient(gradient: &[f32], w: &[f32], shape: &Geometry) -> Vec<f32> {
    let mut x = vec![0.0; shape.batch * shape.inputs * shape.input_plane()];
    let layout = Layout::new(shape);
    let (input, output) = (shape.input_plane(), shape.output_plane());
    // What value `i` of a part received from value `i - tap` of the output: read from the margin on.
    let phases: Vec<Vec<(usize, usize)>> = (0..shape.stride[0] * shape.stride[1])
        .map(|phase| {
            let taps = layout.taps.iter().enumerate();
            taps.filter(|(_, start)| **start / layout.part == phase)
                .map(|(tap, start)| (tap, layout.margin - start % layout.part))
                .collect()
        })
        .collect();
    let scratch = || {
        let wide = layout.margin + layout.part + LANES;
        (vec![0.0; layout.parts(shape)], vec![0.0; wide])
    };
    let arch = Arch::new();
    x.par_chunks_mut(input)
        .enumerate()
        .for_each_init(scratch, |(parts, wide), (map, x)| {
            let channel = map % shape.inputs;
            let gradient = &gradient[map * output..(map + 1) * output];
            let kernel = &w[channel * shape.taps()..(channel + 1) * shape.taps()];
            layout.widen(wide, gradient, shape);
            for (part, starts) in parts.chunks_exact_mut(layout.part).zip(&phases) {
                let taps = starts.iter().map(|(tap, start)| (kernel[*tap], *start));
                let taps = &taps.collect::<Vec<_>>();
                arch.dispatch(Correlate {
                    sum: part,
                    values: wide,
                    taps,
                });
            }
            layout.join(x, parts, shape);
        });
    x
}

/// See `dense::weight_gradient`.
pub(super) fn weight_gradient(x: &[f32], gradient: &[f32], shape: &Geometry) -> Vec<f32> {
    let mut w = vec![0.0; shape.outputs * shape.taps()];
    let layout = Layout::new(shape);
    let (input, output) = (shape.input_plane(), shape.output_plane());
    let scratch = || {
        let wide = layout.wide.next_multiple_of(LANES);
        (
            vec![0.0; layout.parts(shape)],
            vec![0.0; layout.margin + wide],
        )
    };
    let arch = Arch::new();
    w.par_chunks_mut(shape.taps()).enumerate().for_each_init(
        scratch,
        |(parts, wide), (channel, kernel)| {
            for image in 0..shape.batch {
                let map = image * shape.inputs + channel;
                let x = &x[map * input..(map + 1) * input];
                let gradient = &gradient[map * output..(map + 1) * output];
                layout.divide(parts, x, shape);
                layout.widen(wide, gradient, shape);
                let (left, right) = (&wide[layout.margin..], parts.as_slice());
                arch.dispatch(Dots {
                    sums: kernel,
                    left,
                    right,
                    starts: &layout.taps,
                });
            }
        },
    );
    w
}
