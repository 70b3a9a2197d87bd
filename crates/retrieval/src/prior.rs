//! What is known about places before the photo is looked at.

use std::ops::Range;

use geoloc_geo_cells::CellId;
use thiserror::Error;

use crate::Query;
use crate::error::Damage;
use crate::kernels::{Offsets, TILE_ROWS};
use crate::row_store::RowStore;

/// Why cells and values make no prior.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum PriorError {
    /// A value is not finite or too large.
    #[error("cell {cell:?}: {value} is not a finite value of at most 1e18")]
    Value {
        /// The cell; `None` for the value elsewhere.
        cell: Option<CellId>,
        /// The value.
        value: f32,
    },
    /// One cell lies in another.
    #[error("cells {a:?} and {b:?} overlap")]
    Overlap {
        /// A cell.
        a: CellId,
        /// A cell that shares ground with it.
        b: CellId,
    },
}

/// A value per cell that is added to the score of its rows, such as a log probability.
///
/// Scores become `x·q + weight × value(cell)`, rounded once to f32.
#[derive(Debug, Clone, PartialEq)]
pub struct Prior {
    /// Ranges of S2 ids with their values, ascending, disjoint.
    ranges: Vec<(u64, u64, f32)>,
    elsewhere: f32,
}

impl Prior {
    /// From disjoint cells, and the value outside of all of them.
    ///
    /// # Errors
    ///
    /// [`PriorError`] if cells overlap or a value is not finite.
    pub fn new(cells: &[(CellId, f32)], elsewhere: f32) -> Result<Self, PriorError> {
        let check = |cell: Option<CellId>, value: f32| {
            let good = value.is_finite() && value.abs() <= 1e18;
            if good {
                Ok(())
            } else {
                Err(PriorError::Value { cell, value })
            }
        };
        check(None, elsewhere)?;
        let mut sorted = cells.to_vec();
        sorted.sort_unstable_by_key(|(cell, _)| cell.range_min());
        for pair in sorted.windows(2) {
            if let [(a, _), (b, _)] = pair
                && a.intersects(*b)
            {
                return Err(PriorError::Overlap { a: *a, b: *b });
            }
        }
        let mut ranges = Vec::with_capacity(sorted.len());
        for (cell, value) in sorted {
            check(Some(cell), value)?;
            ranges.push((cell.range_min().raw(), cell.range_max().raw(), value));
        }
        Ok(Self { ranges, elsewhere })
    }

    /// The value for a row of an S2 id.
    #[must_use]
    pub fn value(&self, cell: CellId) -> f32 {
        self.value_raw(cell.raw())
    }

    pub(crate) fn value_raw(&self, raw: u64) -> f32 {
        let at = self.ranges.partition_point(|r| r.1 < raw);
        match self.ranges.get(at) {
            Some(range) if range.0 <= raw => range.2,
            _ => self.elsewhere,
        }
    }

    /// Fills in the values for S2 ids that ascend.
    pub(crate) fn fill(
        &self,
        ids: &[u64],
        weight: f32,
        score: &mut Vec<f32>,
        slack: &mut Vec<f32>,
    ) {
        let mut from = 0;
        while let Some(&first) = ids.get(from) {
            let at = self.ranges.partition_point(|r| r.1 < first);
            let (value, until) = match self.ranges.get(at) {
                Some(range) if range.0 <= first => (range.2, range.1),
                Some(range) => (self.elsewhere, range.0 - 1),
                None => (self.elsewhere, u64::MAX),
            };
            let run = ids[from..].partition_point(|&id| id <= until).max(1);
            let term = weight * value;
            score.resize(score.len() + run, term);
            // A product and a sum, each rounded: 2^-21 leaves room for both.
            slack.resize(slack.len() + run, term.abs() * 4.8e-7 + f32::MIN_POSITIVE);
            from += run;
        }
    }
}

/// The prior of the rows of a block, in buffers that are used again.
#[derive(Debug, Default)]
pub(crate) struct PriorTerms {
    score: Vec<f32>,
    slack: Vec<f32>,
}

impl PriorTerms {
    /// The terms of rows that begin at a tile and whose S2 ids ascend; `None` without a prior.
    pub(crate) fn of(
        &mut self,
        query: &Query,
        store: &RowStore,
        rows: Range<usize>,
    ) -> Result<Option<Offsets<'_>>, Damage> {
        let Some((prior, weight)) = &query.prior else {
            return Ok(None);
        };
        self.score.clear();
        self.slack.clear();
        let cells = store.cells.get(rows.start..rows.end.min(store.len))?;
        prior.fill(cells, *weight, &mut self.score, &mut self.slack);
        let whole = self.score.len().next_multiple_of(TILE_ROWS);
        self.score.resize(whole, 0.0);
        self.slack.resize(whole, 0.0);
        Ok(Some(Offsets::PerRow {
            score: &self.score,
            slack: &self.slack,
        }))
    }

    /// The terms last asked for.
    pub(crate) fn terms(&self) -> &[f32] {
        &self.score
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_agree_with_single_values() {
        let face = |f: u8| CellId::from_face(f).unwrap();
        let child = face(2).children().unwrap()[1];
        let prior = Prior::new(&[(face(1), -1.0), (child, 2.0)], 0.5).unwrap();
        let ids: Vec<u64> = (0..384u64).map(|i| (i << 55) | 1).collect();
        let (mut score, mut slack) = (Vec::new(), Vec::new());
        prior.fill(&ids, 2.0, &mut score, &mut slack);
        let expected: Vec<f32> = ids.iter().map(|&id| 2.0 * prior.value_raw(id)).collect();
        assert_eq!(score, expected);
        assert_eq!(slack.len(), score.len());
        assert!(score.contains(&-2.0) && score.contains(&4.0) && score.contains(&1.0));
        let overlap = Prior::new(&[(face(2), 0.0), (child, 0.0)], 0.0);
        assert!(matches!(overlap, Err(PriorError::Overlap { .. })));
    }
}
