//! Scaled dot-product attention (Vaswani et al., "Attention Is All You Need", 2017, section 3.2.1) over
//! the output of one linear layer, without laying anything out anew.

use pulp::Arch;
use rayon::prelude::*;

use super::softmax::{Exponentials, ScoreGradient};
use crate::product::{Matrix, MatrixMut, product};

/// Scores that are worked on at a time: they stay in the second cache.
const SCORES: usize = 1 << 17;

/// Sizes of an attention. Every token is a row of `3 * width` values: the query of every head, one after
/// the other, then the keys, then the values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads {
    pub tokens: usize,
    pub count: usize,
    /// Width of a head.
    pub each: usize,
}

/// Query, key or value.
#[derive(Debug, Clone, Copy)]
enum Part {
    Query,
    Key,
    Value,
}

impl Heads {
    pub(super) fn width(&self) -> usize {
        self.count * self.each
    }

    /// Values of an image.
    fn image(&self) -> usize {
        self.tokens * 3 * self.width()
    }

    fn scale(&self) -> f32 {
        1.0 / (self.each as f32).sqrt()
    }

    /// Rows of queries that are worked on together, so that there is work for all threads.
    fn block(&self, images: usize) -> usize {
        let threads = rayon::current_num_threads().div_ceil(images.max(1));
        let most = (SCORES / self.tokens.max(1)).max(16);
        let parts = self.tokens.div_ceil(most).max(threads);
        self.tokens.div_ceil(parts).max(1)
    }

    /// Place of a part of a head in an image, from a token on.
    fn place(&self, part: Part, head: usize, token: usize) -> usize {
        (3 * token + part as usize) * self.width() + head * self.each
    }

    /// `[count, each]` of a head, from a token on.
    fn part<'a>(
        &self,
        image: &'a [f32],
        part: Part,
        head: usize,
        [token, count]: [usize; 2],
    ) -> Matrix<'a> {
        let values = &image[self.place(part, head, token)..];
        Matrix::new(values, [count, self.each], [3 * self.width(), 1])
    }

    /// The same to be written.
    fn part_mut<'a>(
        &self,
        image: &'a mut [f32],
        part: Part,
        head: usize,
        [token, count]: [usize; 2],
    ) -> MatrixMut<'a> {
        let values = &mut image[self.place(part, head, token)..];
        MatrixMut::new(values, [count, self.each], [3 * self.width(), 1])
    }

    /// Writes the weights of all tokens for some queries, `[count, tokens]`, not yet divided by their
    /// sums, and the inverse of the sums.
    fn weights(
        &self,
        image: &[f32],
        head: usize,
        queries: [usize; 2],
        weights: &mut [f32],
        inverse: &mut [f32],
    ) {
        let tokens = self.tokens;
        let query = self.part(image, Part::Query, head, queries);
        let key = self.part(image, Part::Key, head, [0, tokens]).transposed();
        let mut scores = MatrixMut::new(weights, [queries[1], tokens], [tokens, 1]);
        product(&mut scores, query, key, false, false);
        let arch = Arch::new();
        let scale = self.scale();
        for (row, inverse) in weights.chunks_exact_mut(tokens).zip(inverse) {
            *inverse = 1.0 / arch.dispatch(Exponentials { row, scale });
        }
    }

    /// `softmax(query key^T / sqrt(each)) value` of every head, `[images, tokens, width]`.
    pub(super) fn forward(&self, qkv: &[f32]) -> Vec<f32> {
        let (tokens, width) = (self.tokens, self.width());
        let mut mixed = vec![0.0; qkv.len() / 3];
        if mixed.is_empty() {
            return mixed;
        }
        let block = self.block(qkv.len() / self.image());
        let images = mixed.par_chunks_exact_mut(tokens * width);
        let images = images.zip(qkv.par_chunks_exact(self.image()));
        images.for_each(|(mixed, image)| {
            let blocks = mixed.par_chunks_mut(block * width).enumerate();
            blocks.for_each(|(at, mixed)| {
                let count = mixed.len() / width;
                let mut weights = vec![0.0; count * tokens];
                let mut inverse = vec![0.0; count];
                for head in 0..self.count {
                    let queries = [at * block, count];
                    self.weights(image, head, queries, &mut weights, &mut inverse);
                    let left = Matrix::new(&weights, [count, tokens], [tokens, 1]);
                    let value = self.part(image, Part::Value, head, [0, tokens]);
                    let place = head * self.each;
                    let rows = &mut mixed[place..];
                    let mut sum = MatrixMut::new(rows, [count, self.each], [width, 1]);
                    product(&mut sum, left, value, false, false);
                    for (row, inverse) in mixed.chunks_exact_mut(width).zip(&inverse) {
                        for value in &mut row[place..place + self.each] {
                            *value *= inverse;
                        }
                    }
                }
            });
        });
        mixed
    }

    /// The gradient with respect to `qkv` from that with respect to the output. The weights are computed
    /// again rather than kept: they are `tokens / each` times larger than queries and keys.
    pub(super) fn backward(&self, qkv: &[f32], gradient: &[f32]) -> Vec<f32> {
        let (tokens, width) = (self.tokens, self.width());
        let mut change = vec![0.0; qkv.len()];
        if change.is_empty() {
            return change;
        }
        let block = self.block(usize::MAX);
        let images = change.par_chunks_exact_mut(self.image());
        let images = images.zip(qkv.par_chunks_exact(self.image()));
        let images = images.zip(gradient.par_chunks_exact(tokens * width));
        images.for_each(|((change, image), gradient)| {
            let mut weights = vec![0.0; block * tokens];
            let mut scores = vec![0.0; block * tokens];
            let mut inverse = vec![0.0; block];
            for head in 0..self.count {
                for first in (0..tokens).step_by(block) {
                    let count = block.min(tokens - first);
                    let room = count * tokens;
                    let scratch = (&mut weights[..room], &mut scores[..room]);
                    let queries = [first, count];
                    self.weights(image, head, queries, scratch.0, &mut inverse);
                    self.head_gradient(change, [image, gradient], head, queries, scratch, &inverse);
                }
            }
        });
        change
    }

    /// Adds what some queries of a head contribute to the gradient of an image, given their weights and
    /// room for the gradient of the scores.
    fn head_gradient(
        &self,
        change: &mut [f32],
        [image, gradient]: [&[f32]; 2],
        head: usize,
        queries: [usize; 2],
        (weights, scores): (&mut [f32], &mut [f32]),
        inverse: &[f32],
    ) {
        let (tokens, each, width) = (self.tokens, self.each, self.width());
        let [first, count] = queries;
        let all = [0, tokens];
        let gradient = &gradient[first * width + head * each..];
        let gradient = Matrix::new(gradient, [count, each], [width, 1]);
        let value = self.part(image, Part::Value, head, all).transposed();
        let mut sum = MatrixMut::new(scores, [count, tokens], [tokens, 1]);
        product(&mut sum, gradient, value, false, false);
        let arch = Arch::new();
        let scale = self.scale();
        let rows = weights
            .chunks_exact_mut(tokens)
            .zip(scores.chunks_exact_mut(tokens));
        for ((weights, gradient), inverse) in rows.zip(inverse) {
            let inverse = *inverse;
            arch.dispatch(ScoreGradient {
                weights,
                gradient,
                inverse,
                scale,
            });
        }
        let weights = Matrix::new(weights, [count, tokens], [tokens, 1]);
        let scores = Matrix::new(scores, [count, tokens], [tokens, 1]);
        let key = self.part(image, Part::Key, head, all);
        let query = self.part(image, Part::Query, head, queries);
        let mut of_value = self.part_mut(change, Part::Value, head, all);
        product(&mut of_value, weights.transposed(), gradient, true, false);
        let mut of_query = self.part_mut(change, Part::Query, head, queries);
        product(&mut of_query, scores, key, false, false);
        let mut of_key = self.part_mut(change, Part::Key, head, all);
        product(&mut of_key, scores.transposed(), query, true, false);
    }
}
