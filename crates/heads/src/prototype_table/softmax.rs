//! The softmax over the rows of all shards, and its gradients.

use std::ops::Range;

use rayon::prelude::*;

use super::candidates::Chosen;
use super::product::{Matrix, product};
use super::table::PrototypeTable;

/// Rows whose logits are held at once.
const CHUNK: usize = 2048;
/// Rows up to which a second pass finds the first one's products kept.
const KEPT: usize = 1 << 16;
/// Shorter rows than this are taken for this long.
const SHORTEST: f32 = 1e-12;

/// Loss and gradients of a batch of n queries.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BatchGradients {
    /// Mean cross-entropy in nats.
    pub loss: f64,
    /// Cross-entropy of each query.
    pub losses: Vec<f64>,
    /// `[n, dim]`: gradient of the mean loss with respect to the queries as they were given.
    pub queries: Vec<f32>,
    /// Rows that were candidates, ascending.
    pub rows: Vec<usize>,
    /// `[rows, dim]`: gradient with respect to the stored rows, through their normalisation.
    pub row_gradients: Vec<f32>,
    /// Gradient with respect to the scale.
    pub scale: f64,
}

impl BatchGradients {
    /// Squared Euclidean norm of the gradient of the rows, for clipping jointly with an encoder.
    #[must_use]
    pub fn rows_norm_squared(&self) -> f64 {
        self.row_gradients
            .iter()
            .map(|&g| f64::from(g).powi(2))
            .sum()
    }

    /// Multiplies all gradients, as clipping does.
    pub fn scale_by(&mut self, factor: f32) {
        for g in self.queries.iter_mut().chain(&mut self.row_gradients) {
            *g *= factor;
        }
        self.scale *= f64::from(factor);
    }
}

/// Some rows of one shard: unit vectors, lengths and logits.
struct Chunk {
    rows: Vec<usize>,
    corrections: Vec<f32>,
    /// `[rows, dim]`.
    unit: Vec<f32>,
    lengths: Vec<f32>,
    /// `[rows, n]`.
    logits: Vec<f32>,
}

/// What a shard answers first: for each query the maximum, the sum of exponentials relative to it,
/// and the logit of the target if the shard holds it.
struct Partial {
    max: Vec<f64>,
    sum: Vec<f64>,
    target: Vec<Option<f64>>,
    kept: Vec<Chunk>,
}

/// What a shard answers when it knows the sum of all.
struct Answer {
    queries: Vec<f32>,
    rows: Vec<usize>,
    row_gradients: Vec<f32>,
    scale: f64,
}

pub(super) struct Softmax<'a> {
    pub(super) table: &'a PrototypeTable,
    pub(super) queries: &'a [f32],
    pub(super) targets: &'a [usize],
    pub(super) chosen: Option<Chosen>,
}

impl Softmax<'_> {
    pub(super) fn evaluate(&self) -> BatchGradients {
        let n = self.targets.len();
        if n == 0 {
            return BatchGradients::default();
        }
        let work: Vec<Vec<Range<usize>>> = self.table.shards().map(|s| self.chunks(s)).collect();
        let parts: Vec<Partial> = work.par_iter().map(|chunks| self.first(chunks)).collect();
        let mut log_sums = Vec::with_capacity(n);
        let mut losses = Vec::with_capacity(n);
        for j in 0..n {
            let of = |values: &Vec<f64>| values[j];
            let max = parts
                .iter()
                .map(|p| of(&p.max))
                .fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = parts
                .iter()
                .map(|p| of(&p.sum) * (of(&p.max) - max).exp())
                .sum();
            let log_sum = max + sum.ln();
            let target = parts
                .iter()
                .find_map(|p| p.target.get(j).copied().flatten());
            log_sums.push(log_sum);
            // Targets are among the candidates. Were one not, its probability would be 0.
            losses.push(log_sum - target.unwrap_or(f64::NEG_INFINITY));
        }
        let shards: Vec<Answer> = work
            .par_iter()
            .zip(parts)
            .map(|(chunks, part)| self.second(chunks, part.kept, &log_sums))
            .collect();
        let mut out = BatchGradients {
            loss: losses.iter().sum::<f64>() / n as f64,
            losses,
            queries: vec![0.0; self.queries.len()],
            rows: Vec::new(),
            row_gradients: Vec::new(),
            scale: 0.0,
        };
        for shard in shards {
            for (sum, g) in out.queries.iter_mut().zip(&shard.queries) {
                *sum += g;
            }
            out.rows.extend(shard.rows);
            out.row_gradients.extend(shard.row_gradients);
            out.scale += shard.scale;
        }
        out
    }

    /// The candidates of a shard in chunks: positions among the chosen rows, or rows.
    fn chunks(&self, shard: Range<usize>) -> Vec<Range<usize>> {
        let whole = match &self.chosen {
            None => shard,
            Some(chosen) => {
                let before = |end: usize| chosen.rows.partition_point(|&row| row < end);
                before(shard.start)..before(shard.end)
            }
        };
        let starts = whole.clone().step_by(CHUNK);
        starts.map(|at| at..(at + CHUNK).min(whole.end)).collect()
    }

    fn chunk(&self, at: &Range<usize>) -> Chunk {
        let config = self.table.config();
        let (dim, n) = (config.dim, self.targets.len());
        let (rows, corrections) = match &self.chosen {
            None => (at.clone().collect(), vec![0.0; at.len()]),
            Some(chosen) => {
                let raise = &chosen.corrections[at.clone()];
                (chosen.rows[at.clone()].to_vec(), raise.to_vec())
            }
        };
        let mut unit = vec![0.0; rows.len() * dim];
        let mut lengths = Vec::with_capacity(rows.len());
        for (&row, to) in rows.iter().zip(unit.chunks_exact_mut(dim)) {
            self.table.copy_weights(row, to);
            let length = to.iter().map(|w| w * w).sum::<f32>().sqrt().max(SHORTEST);
            for w in to {
                *w /= length;
            }
            lengths.push(length);
        }
        let mut logits = vec![0.0; rows.len() * n];
        let queries = Matrix::new(self.queries, dim);
        product(
            Matrix::new(&unit, dim),
            queries.transposed(),
            &mut logits,
            false,
        );
        for (row, raise) in logits.chunks_exact_mut(n).zip(&corrections) {
            for l in row {
                *l = *l * config.scale + raise;
            }
        }
        Chunk {
            rows,
            corrections,
            unit,
            lengths,
            logits,
        }
    }

    fn first(&self, chunks: &[Range<usize>]) -> Partial {
        let n = self.targets.len();
        let mut out = Partial {
            max: vec![f64::NEG_INFINITY; n],
            sum: vec![0.0; n],
            target: vec![None; n],
            kept: Vec::new(),
        };
        let keep = chunks.iter().map(ExactSizeIterator::len).sum::<usize>() <= KEPT;
        for at in chunks {
            let chunk = self.chunk(at);
            for row in chunk.logits.chunks_exact(n) {
                for ((max, sum), &logit) in out.max.iter_mut().zip(&mut out.sum).zip(row) {
                    let logit = f64::from(logit);
                    if logit > *max {
                        *sum = *sum * (*max - logit).exp() + 1.0;
                        *max = logit;
                    } else {
                        *sum += (logit - *max).exp();
                    }
                }
            }
            for (j, (target, slot)) in self.targets.iter().zip(&mut out.target).enumerate() {
                if let Ok(i) = chunk.rows.binary_search(target) {
                    *slot = chunk.logits.get(i * n + j).map(|&l| f64::from(l));
                }
            }
            if keep {
                out.kept.push(chunk);
            }
        }
        // A shard without candidates adds nothing, whatever the maximum.
        for max in &mut out.max {
            *max = max.max(-1e30);
        }
        out
    }

    fn second(&self, chunks: &[Range<usize>], kept: Vec<Chunk>, log_sums: &[f64]) -> Answer {
        let mut out = Answer {
            queries: vec![0.0; self.queries.len()],
            rows: Vec::new(),
            row_gradients: Vec::new(),
            scale: 0.0,
        };
        // The first ones were kept.
        let fresh = chunks[kept.len()..].iter().map(|at| self.chunk(at));
        for chunk in kept.into_iter().chain(fresh) {
            self.gradients(chunk, log_sums, &mut out);
        }
        out
    }

    /// Adds what one chunk contributes. With p the softmax and y the target, the derivative for a
    /// cosine is scale (p - y) / n; a row receives it through w / |w|: (g - (g·u) u) / |w|.
    fn gradients(&self, mut chunk: Chunk, log_sums: &[f64], out: &mut Answer) {
        let config = self.table.config();
        let (dim, n) = (config.dim, self.targets.len());
        let share = 1.0 / n as f64;
        let each = chunk
            .logits
            .chunks_exact_mut(n)
            .zip(&chunk.rows)
            .zip(&chunk.corrections);
        for ((logits, row), &raise) in each {
            for ((logit, log_sum), target) in logits.iter_mut().zip(log_sums).zip(self.targets) {
                let mut d = (f64::from(*logit) - log_sum).exp();
                if target == row {
                    d -= 1.0;
                }
                d *= share;
                out.scale += d * f64::from((*logit - raise) / config.scale);
                *logit = (d * f64::from(config.scale)) as f32;
            }
        }
        let derivatives = Matrix::new(&chunk.logits, n);
        let unit = Matrix::new(&chunk.unit, dim);
        product(derivatives.transposed(), unit, &mut out.queries, true);
        let mut rows = vec![0.0; chunk.rows.len() * dim];
        product(
            derivatives,
            Matrix::new(self.queries, dim),
            &mut rows,
            false,
        );
        let units = chunk.unit.chunks_exact(dim).zip(&chunk.lengths);
        for (g, (u, length)) in rows.chunks_exact_mut(dim).zip(units) {
            let along: f32 = g.iter().zip(u).map(|(g, u)| g * u).sum();
            for (g, u) in g.iter_mut().zip(u) {
                *g = (*g - along * u) / length;
            }
        }
        out.rows.extend(&chunk.rows);
        out.row_gradients.extend(rows);
    }
}
