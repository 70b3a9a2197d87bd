//! Rows that were left out, and why.

use std::fmt;
use std::ops::Deref;

use thiserror::Error;

use crate::{LatLngError, TokenError};

/// Rows shown by the [`Display`](fmt::Display) of [`BadRows`].
const SHOWN: usize = 3;

/// The rows of a table that were left out, in the order of the file.
///
/// Printed, it is one line with the totals and the first three reasons.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BadRows {
    rows: Vec<BadRow>,
    total: u64,
}

impl BadRows {
    /// `total` rows were read, good and bad.
    pub(super) fn new(mut rows: Vec<BadRow>, total: u64) -> Self {
        rows.sort_by_key(|row| row.line);
        Self { rows, total }
    }

    /// All rows of the table, good and bad.
    #[must_use]
    pub fn rows_read(&self) -> u64 {
        self.total
    }

    /// Adds a row that turned out to be bad after the table was read.
    pub fn push(&mut self, row: BadRow) {
        let at = self.rows.partition_point(|other| other.line <= row.line);
        self.rows.insert(at, row);
    }
}

impl Deref for BadRows {
    type Target = [BadRow];
    fn deref(&self) -> &[BadRow] {
        &self.rows
    }
}

impl fmt::Display for BadRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} rows were left out", self.len(), self.total)?;
        for (k, row) in self.iter().take(SHOWN).enumerate() {
            write!(f, "{}{row}", if k == 0 { ": " } else { "; " })?;
        }
        if self.len() > SHOWN {
            f.write_str("; ...")?;
        }
        Ok(())
    }
}

/// A row that was left out.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("line {line}: {reason}")]
pub struct BadRow {
    /// Line of the file on which the row begins, from 1; lines before the header count.
    pub line: u64,
    /// What is wrong.
    pub reason: BadRowReason,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum BadRowReason {
    /// The number of fields differs from that of the header.
    #[error("{found} fields instead of {expected}")]
    Fields {
        /// Fields of this row.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// There are more fields than the header has, and numbers with decimal commas would explain it.
    #[error(
        "{found} fields instead of {expected}; do its numbers have decimal commas? Write points, \
         or separate the fields by semicolons"
    )]
    DecimalCommas {
        /// Fields of this row.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// Text follows the closing quote of a field.
    #[error("text follows the closing quote of a field; a quote inside is written twice")]
    StrayQuote,
    /// A field that is needed is not UTF-8.
    #[error("the {column} is not UTF-8 text")]
    Encoding {
        /// What the column holds.
        column: &'static str,
    },
    /// A field that is needed is empty.
    #[error("the {column} is empty")]
    Empty {
        /// What the column holds.
        column: &'static str,
    },
    /// A field is not a number.
    #[error("{column} is {text:?}, not a number")]
    Number {
        /// What the column holds.
        column: &'static str,
        /// The field, at most 40 characters.
        text: String,
    },
    /// A field is a number with a decimal comma.
    #[error("{column} is {text:?}, a number with a decimal comma; write a point")]
    DecimalComma {
        /// What the column holds.
        column: &'static str,
        /// The field.
        text: String,
    },
    /// The numbers are no place.
    #[error(transparent)]
    Place(#[from] LatLngError),
    /// The latitude is out of range, and the numbers would be a place the other way round.
    #[error("latitude {lat} is out of range; are latitude and longitude swapped?")]
    Swapped {
        /// The number in the column of the latitude.
        lat: f64,
        /// The number in the column of the longitude.
        lng: f64,
    },
    /// The field is not the token of a cell.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The location of a class lies outside its cell: a spreadsheet may have changed the token.
    #[error("the place {lat}, {lng} lies {km:.1} km outside the cell {token}")]
    OutsideCell {
        /// Token of the cell.
        token: String,
        /// Latitude of the location.
        lat: f64,
        /// Longitude of the location.
        lng: f64,
        /// Distance from the cell in km.
        km: f64,
    },
    /// The location of a class lies outside its box.
    #[error("the place {lat}, {lng} lies outside the box")]
    OutsideBox {
        /// Latitude of the location.
        lat: f64,
        /// Longitude of the location.
        lng: f64,
    },
    /// The four numbers are no box.
    #[error("the four borders are not a box inside the world")]
    Box,
    /// The row has the same name, cell, box or photo as an earlier one.
    #[error("the row repeats line {line}")]
    Repeated {
        /// The earlier line.
        line: u64,
    },
}
