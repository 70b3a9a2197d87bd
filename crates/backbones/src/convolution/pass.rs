//! A product of weights with the patches of maps, whose results become maps.
#![allow(
    clippy::inline_always,
    reason = "vector code has the instructions of the function that it is inlined into"
)]

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::columns::Patches;
use crate::activation::Activation;
use crate::product::{Matrix, MatrixMut, product};

/// Values of the matrix of patches that are worked on at a time: it stays in the second cache.
const TILE_VALUES: usize = 1 << 18;
/// Fewest columns of such a matrix, so that the weights are not read too often.
pub(super) const TILE_COLUMNS: usize = 192;

/// What follows a convolution while its values are still in the cache.
#[derive(Debug, Clone, Copy)]
pub(super) struct Then<'a> {
    /// A value for every channel.
    pub bias: Option<&'a [f32]>,
    /// A value for every result, as around the convolutions of a residual block.
    pub around: Option<&'a [f32]>,
    pub activation: Activation,
}

impl Then<'_> {
    pub(super) const NOTHING: Self = Self {
        bias: None,
        around: None,
        activation: Activation::None,
    };

    /// Finishes values of a channel that begin at a place among all results.
    pub(super) fn finish(&self, values: &mut [f32], channel: usize, place: usize) {
        if self.bias.is_none() && self.around.is_none() && self.activation == Activation::None {
            return;
        }
        Arch::new().dispatch(Finish {
            around: self
                .around
                .map(|around| &around[place..place + values.len()]),
            bias: self.bias.map_or(0.0, |bias| bias[channel]),
            limits: self.activation.limits(),
            values,
        });
    }
}

/// Adds the bias and what goes around, and applies the limits.
struct Finish<'a> {
    values: &'a mut [f32],
    around: Option<&'a [f32]>,
    bias: f32,
    limits: [f32; 2],
}

impl WithSimd for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [low, high] = self.limits.map(|v| simd.splat_f32s(v));
        let bias = simd.splat_f32s(self.bias);
        let limit = |value| simd.min_f32s(high, simd.max_f32s(low, value));
        let limit_one = |value: f32| value.max(self.limits[0]).min(self.limits[1]);
        let (values, tail) = S::as_mut_simd_f32s(self.values);
        if let Some(around) = self.around {
            let (around, around_tail) = S::as_simd_f32s(around);
            for (value, around) in values.iter_mut().zip(around) {
                *value = limit(simd.add_f32s(simd.add_f32s(*value, bias), *around));
            }
            for (value, around) in tail.iter_mut().zip(around_tail) {
                *value = limit_one(*value + self.bias + around);
            }
        } else {
            for value in values {
                *value = limit(simd.add_f32s(*value, bias));
            }
            for value in tail {
                *value = limit_one(*value + self.bias);
            }
        }
    }
}

/// Weights as a matrix over the values of a column, and where its results go.
pub(super) struct Pass<'a> {
    pub patches: &'a Patches,
    /// `[rows, depth * taps]` of every group, `rows * depth * taps` values apart.
    pub weights: &'a [f32],
    pub strides: [usize; 2],
    /// Output and input channels of a group.
    pub rows: usize,
    pub depth: usize,
    pub groups: usize,
    /// Height and width of a map of results, the first place and the step between places.
    pub plane: [usize; 2],
    pub base: [usize; 2],
    pub step: [usize; 2],
    pub then: &'a Then<'a>,
}

/// Images that are worked on together.
struct Images<'a> {
    maps: &'a [f32],
    /// Values of the maps and of the results of an image.
    source: usize,
    image: usize,
    /// Results of the images before these.
    before: usize,
    /// Whether all threads work on these, as there is nothing else to share out.
    threads: bool,
}

/// Matrices that a thread uses again.
#[derive(Default)]
struct Scratch {
    /// Patches.
    matrix: Vec<f32>,
    /// Results that do not lie together.
    aside: Vec<f32>,
}

/// Columns of a tile of a matrix with so many rows, of at most `all`.
pub(super) fn tile_columns(rows: usize, all: usize) -> usize {
    let most = (TILE_VALUES / rows.max(1)).max(TILE_COLUMNS);
    let tiles = all.div_ceil(most).max(1);
    all.div_ceil(tiles).next_multiple_of(16).min(all.max(1))
}

/// Runs the passes over all images.
pub(super) fn run(passes: &[Pass<'_>], maps: &[f32], results: &mut [f32], batch: usize) {
    let Some(first) = passes.first() else { return };
    if batch == 0 || results.is_empty() {
        return;
    }
    let image = results.len() / batch;
    let source = maps.len() / batch;
    // Small maps are taken together, with as much for every thread.
    let threads = rayon::current_num_threads();
    let columns = first.patches.columns().max(1);
    let together = TILE_COLUMNS
        .div_ceil(columns)
        .clamp(1, batch.div_ceil(threads));
    let parts = batch
        .div_ceil(together)
        .next_multiple_of(threads)
        .min(batch);
    let together = batch.div_ceil(parts);
    let alone = batch.div_ceil(together) < threads;
    let work = |scratch: &mut Scratch, part: usize, results: &mut [f32]| {
        let images = Images {
            maps: &maps[part * together * source..],
            source,
            image,
            before: part * together * image,
            threads: alone,
        };
        for pass in passes {
            pass.run(scratch, &images, results);
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
    /// The results of some images.
    fn run(&self, scratch: &mut Scratch, images: &Images<'_>, results: &mut [f32]) {
        let count = results.len() / images.image;
        let columns = self.patches.columns() * count;
        let values = self.depth * self.patches.taps.len();
        let plane = self.plane[0] * self.plane[1];
        let straight = count == 1 && self.step == [1, 1];
        let identity = self.patches.is_identity() && count == 1;
        let tile = tile_columns(if identity { self.rows } else { values }, columns);
        let Scratch { matrix, aside } = scratch;
        let room = if identity { 0 } else { values * tile };
        matrix.resize(room.max(matrix.len()), 0.0);
        let room = if straight { 0 } else { self.rows * tile };
        aside.resize(room.max(aside.len()), 0.0);
        for start in (0..columns).step_by(tile) {
            let here = start..(start + tile).min(columns);
            for group in 0..self.groups {
                let weights = &self.weights[group * self.rows * values..];
                let left = Matrix::new(weights, [self.rows, values], self.strides);
                let right = if identity {
                    let first = group * self.depth * columns + here.start;
                    Matrix::new(&images.maps[first..], [values, here.len()], [columns, 1])
                } else {
                    let matrix = &mut matrix[..values * here.len()];
                    self.fill(matrix, images, group, &here);
                    Matrix::new(matrix, [values, here.len()], [here.len(), 1])
                };
                let first = group * self.rows;
                if straight {
                    let begin = first * plane + here.start;
                    let rows = &mut results[begin..];
                    let mut sum = MatrixMut::new(rows, [self.rows, here.len()], [plane, 1]);
                    product(&mut sum, left, right, false, images.threads);
                    for row in 0..self.rows {
                        let values = &mut rows[row * plane..][..here.len()];
                        let place = images.before + begin + row * plane;
                        self.then.finish(values, first + row, place);
                    }
                } else {
                    let aside = &mut aside[..self.rows * here.len()];
                    let mut sum = MatrixMut::new(aside, [self.rows, here.len()], [here.len(), 1]);
                    product(&mut sum, left, right, false, images.threads);
                    for (row, values) in aside.chunks_exact(here.len()).enumerate() {
                        self.place(results, images, first + row, here.start, values);
                    }
                }
            }
        }
    }

    fn fill(&self, matrix: &mut [f32], images: &Images<'_>, group: usize, columns: &Range<usize>) {
        let channels = group * self.depth..(group + 1) * self.depth;
        let fill = |rows: &mut [f32], channels| {
            let columns = columns.clone();
            self.patches
                .fill(rows, images.maps, images.source, channels, columns);
        };
        if images.threads {
            let rows = self.patches.taps.len() * columns.len();
            let rows = matrix.par_chunks_mut(rows).zip(channels);
            rows.for_each(|(rows, channel)| fill(rows, channel..channel + 1));
        } else {
            fill(matrix, channels);
        }
    }

    /// Writes values of a channel to their places, counted through the images from `start`, and
    /// finishes them.
    fn place(
        &self,
        results: &mut [f32],
        images: &Images<'_>,
        channel: usize,
        start: usize,
        values: &[f32],
    ) {
        let [_, across] = self.patches.grid;
        let [height, width] = self.plane;
        let columns = self.patches.columns();
        let whole = self.step == [1, 1];
        let mut values = values;
        let mut at = start;
        while !values.is_empty() {
            let (image, place) = (at / columns, at % columns);
            let (y, x) = (place / across, place % across);
            let len = if whole { columns - place } else { across - x };
            let (part, rest) = values.split_at(len.min(values.len()));
            let row = channel * height + self.base[0] + y * self.step[0];
            let column = self.base[1] + x * self.step[1];
            let first = image * images.image + row * width + column;
            if whole {
                let target = &mut results[first..first + part.len()];
                target.copy_from_slice(part);
                self.then.finish(target, channel, images.before + first);
            } else {
                // Of gradients only, which nothing follows.
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
