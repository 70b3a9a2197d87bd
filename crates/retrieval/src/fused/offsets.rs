//! What prototypes, biases and priors add to the scores of rows.

use std::ops::Range;

use crate::Query;
use crate::error::Damage;
use crate::kernels::{Offsets, Sink, TILE_ROWS};
use crate::prior::PriorTerms;

use super::FusedIndex;

/// Approximate scores of all prototypes, each with its slack.
#[derive(Debug)]
pub(super) struct Terms(pub(super) Vec<[f32; 2]>);

impl Sink for Terms {
    fn floor(&self) -> f32 {
        f32::NEG_INFINITY
    }

    fn take(&mut self, first_row: usize, _: u32, score: &[f32; 16], slack: &[f32; 16]) {
        let places = self.0.get_mut(first_row..first_row + TILE_ROWS);
        for ((place, s), e) in places.into_iter().flatten().zip(score).zip(slack) {
            // One more sum is rounded when it is added: 2^-21 of it is ample.
            *place = [*s, e + s.abs() * SUM];
        }
    }
}

/// Room for one rounded sum, as a part of its larger term: 2^-21.
const SUM: f32 = 4.8e-7;

/// What prototypes, biases and priors add to the rows of some tiles, in buffers that are used again.
#[derive(Debug, Default)]
pub(super) struct RowOffsets {
    score: Vec<f32>,
    slack: Vec<f32>,
    prior: PriorTerms,
}

impl RowOffsets {
    /// The offsets of rows that begin at a tile. Without biases and priors the scan looks up the
    /// prototypes itself, while it waits for memory.
    pub(super) fn of<'a>(
        &'a mut self,
        index: &'a FusedIndex,
        query: &Query,
        rows: Range<usize>,
        prototypes: &'a Terms,
    ) -> Result<Offsets<'a>, Damage> {
        let parents = index.parents.get(rows.clone())?;
        let terms = prototypes.0.as_slice();
        if index.biases.size() == 0 && query.prior.is_none() {
            return Ok(Offsets::Shared { parents, terms });
        }
        self.score.clear();
        self.slack.clear();
        for &parent in parents {
            // A row without a prototype has the number that stands for none.
            let [score, slack] = terms.get(parent as usize).copied().unwrap_or([0.0; 2]);
            self.score.push(score);
            self.slack.push(slack);
        }
        let biased = if index.biases.size() > 0 {
            index.biases.get(rows.clone())?
        } else {
            &[]
        };
        let exact = std::iter::repeat(&0.0);
        add(&mut self.score, &mut self.slack, biased.iter().zip(exact));
        if let Some(Offsets::PerRow { score, slack }) =
            self.prior.of(query, &index.aerial.store, rows)?
        {
            let terms = score.iter().zip(slack);
            add(&mut self.score, &mut self.slack, terms);
        }
        let whole = parents.len().next_multiple_of(TILE_ROWS);
        self.score.resize(whole, 0.0);
        self.slack.resize(whole, 0.0);
        Ok(Offsets::PerRow {
            score: &self.score,
            slack: &self.slack,
        })
    }
}

/// Adds terms, each within its slack, to sums; the sum itself is rounded.
fn add<'a>(score: &mut [f32], slack: &mut [f32], terms: impl Iterator<Item = (&'a f32, &'a f32)>) {
    for ((s, e), (term, more)) in score.iter_mut().zip(slack).zip(terms) {
        *s += term;
        *e += more + (s.abs() + term.abs()) * SUM;
    }
}
