//! What can be wrong with the numbers given to a metric.

use thiserror::Error;

/// Why a metric cannot be computed.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum MetricError {
    /// There is nothing to average over.
    #[error("{what}: no items to evaluate")]
    Empty {
        /// The empty argument.
        what: &'static str,
    },
    /// Two arguments that belong together row by row differ in length.
    #[error("{what} has {found} items, expected {expected}")]
    Length {
        /// The argument of the wrong length.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length of the arguments before it.
        expected: usize,
    },
    /// A number outside the range that the metric is defined on.
    #[error("{what}, row {row}: {value} is not {expected}")]
    Value {
        /// The argument.
        what: &'static str,
        /// The zero-based row.
        row: usize,
        /// The rejected number.
        value: f64,
        /// What was expected there.
        expected: &'static str,
    },
    /// A class or item index that does not exist.
    #[error("{what}, row {row}: index {index} is not below {bound}")]
    Index {
        /// The argument.
        what: &'static str,
        /// The zero-based row.
        row: usize,
        /// The rejected index.
        index: usize,
        /// The number of classes or items.
        bound: usize,
    },
    /// A setting outside its range.
    #[error("{name} is {value}, expected {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// The rejected value.
        value: f64,
        /// What was expected.
        expected: &'static str,
    },
}

/// Fails unless `found == expected`.
pub(crate) fn same_length(
    what: &'static str,
    found: usize,
    expected: usize,
) -> Result<(), MetricError> {
    if found == expected {
        Ok(())
    } else {
        Err(MetricError::Length {
            what,
            found,
            expected,
        })
    }
}

/// Fails if `length` is zero.
pub(crate) fn not_empty(what: &'static str, length: usize) -> Result<(), MetricError> {
    if length == 0 {
        Err(MetricError::Empty { what })
    } else {
        Ok(())
    }
}
