//! What can be wrong with a table as a whole.

use thiserror::Error;

use super::bad_rows::BadRow;
use super::encoding::EncodingError;

/// Why a table cannot be read or written at all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TableError {
    /// The table cannot be written.
    #[error("the table cannot be written: {0}")]
    Csv(#[from] csv::Error),
    /// The file cannot be read or written.
    #[error("the table cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// The file is no UTF-8 text.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// A quoted field never ends, or ends after it has swallowed what looks like rows.
    #[error("line {line}: a quote begins here that does not end in its row")]
    OpenQuote {
        /// Line of the quote.
        line: u64,
    },
    /// A row is longer than [`MAX_ROW_BYTES`](crate::MAX_ROW_BYTES).
    #[error("line {line}: the row is longer than {limit} bytes")]
    LongRow {
        /// Line on which the row begins.
        line: u64,
        /// The limit.
        limit: usize,
    },
    /// A column is missing.
    #[error("no column for the {wanted} ({}) among {found:?}", names(.known))]
    Column {
        /// What the column should hold.
        wanted: &'static str,
        /// Names that would be understood, or the one that was asked for.
        known: Vec<String>,
        /// The columns there are.
        found: Vec<String>,
    },
    /// Two columns have the name of one that is needed.
    #[error("the column {name:?} occurs twice among {found:?}")]
    RepeatedColumn {
        /// The name.
        name: String,
        /// The columns there are.
        found: Vec<String>,
    },
    /// Latitude and longitude are probably swapped: many rows are places only the other way round.
    #[error(
        "{rows} of {total} rows are places only if latitude and longitude are swapped, \
         first on line {line}"
    )]
    Swapped {
        /// Rows that become places when swapped.
        rows: u64,
        /// All rows.
        total: u64,
        /// Line of the first.
        line: u64,
    },
    /// No row could be read.
    #[error("none of {rows} rows can be read{}", first_of(.first.as_ref()))]
    NoRows {
        /// Number of rows.
        rows: u64,
        /// What is wrong with the first.
        first: Option<BadRow>,
    },
    /// The rows do not make a partition.
    #[error(transparent)]
    Partition(#[from] crate::PartitionError),
    /// The kind of ground cannot be written as a table.
    #[error("{ground} cannot be written as a table, write GeoJSON")]
    Ground {
        /// What it is.
        ground: &'static str,
    },
}

fn names(known: &[String]) -> String {
    match known {
        [one] => format!("{one:?}"),
        many => format!("known names: {}", many.join(", ")),
    }
}

fn first_of(row: Option<&BadRow>) -> String {
    row.map_or_else(String::new, |row| format!("; first: {row}"))
}
