//! Rows of scores and probabilities, checked once.

use crate::MetricError;
use crate::error::not_empty;

/// How far a row of probabilities may be from summing to 1: softmax in `f32` over hundreds of thousands of cells.
const SUM_TOLERANCE: f64 = 1e-3;

/// A borrowed table of finite numbers, one row of `classes` a query.
#[derive(Debug, Clone, Copy)]
pub struct ScoreTable<'a> {
    values: &'a [f64],
    classes: usize,
}

impl<'a> ScoreTable<'a> {
    /// Scores or logits of shape `[queries, classes]`, row by row.
    ///
    /// # Errors
    ///
    /// [`MetricError::Empty`] for no values or classes, [`MetricError::Length`] if the last row is not full,
    /// [`MetricError::Value`] for a number that is not finite.
    pub fn scores(values: &'a [f64], classes: usize) -> Result<Self, MetricError> {
        not_empty("classes", classes)?;
        not_empty("values", values.len())?;
        let full = values.len().div_ceil(classes) * classes;
        crate::error::same_length("values", values.len(), full)?;
        let table = Self { values, classes };
        for (row, numbers) in table.rows().enumerate() {
            if let Some(&value) = numbers.iter().find(|v| !v.is_finite()) {
                return Err(MetricError::Value {
                    what: "values",
                    row,
                    value,
                    expected: "finite",
                });
            }
        }
        Ok(table)
    }

    /// Probabilities of shape `[queries, classes]`, row by row.
    ///
    /// # Errors
    ///
    /// As [`scores`](Self::scores), and [`MetricError::Value`] for a number outside [0, 1] or a row whose sum differs
    /// from 1 by more than 0.001.
    pub fn probabilities(values: &'a [f64], classes: usize) -> Result<Self, MetricError> {
        let table = Self::scores(values, classes)?;
        for (row, numbers) in table.rows().enumerate() {
            if let Some(&value) = numbers.iter().find(|v| !(0.0..=1.0).contains(*v)) {
                return Err(MetricError::Value {
                    what: "probabilities",
                    row,
                    value,
                    expected: "in [0, 1]",
                });
            }
            let value: f64 = numbers.iter().sum();
            if (value - 1.0).abs() > SUM_TOLERANCE {
                return Err(MetricError::Value {
                    what: "sum of the probabilities",
                    row,
                    value,
                    expected: "1 within 0.001",
                });
            }
        }
        Ok(table)
    }

    /// Number of queries.
    #[must_use]
    pub fn queries(self) -> usize {
        self.values.len() / self.classes
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(self) -> usize {
        self.classes
    }

    /// The rows in order.
    #[must_use]
    pub fn rows(self) -> impl ExactSizeIterator<Item = &'a [f64]> {
        self.values.chunks_exact(self.classes)
    }

    /// The rows with the score at the true class of each.
    pub(crate) fn rows_with_truth(
        self,
        truth: &'a [usize],
    ) -> Result<impl Iterator<Item = (&'a [f64], usize, f64)>, MetricError> {
        crate::error::same_length("truth", truth.len(), self.queries())?;
        let bound = self.classes;
        for (row, &index) in truth.iter().enumerate() {
            if index >= bound {
                return Err(MetricError::Index {
                    what: "truth",
                    row,
                    index,
                    bound,
                });
            }
        }
        let rows = self.rows().zip(truth);
        Ok(rows.filter_map(|(row, &t)| row.get(t).map(|&score| (row, t, score))))
    }
}
