//! Comma-, tab- or semicolon-separated tables with a header, and what can be wrong with them.

use std::io::{BufRead, BufReader, Read};

use csv::ByteRecord;
use thiserror::Error;

use crate::{LatLng, LatLngError, TokenError};

/// Why a table cannot be read at all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TableError {
    /// The file cannot be read, or a quoted field never ends.
    #[error("the table cannot be read")]
    Csv(#[from] csv::Error),
    /// The file cannot be read.
    #[error("the table cannot be read")]
    Io(#[from] std::io::Error),
    /// A column is missing.
    #[error("no column for the {wanted} among {found:?}")]
    Column {
        /// What the column should hold.
        wanted: &'static str,
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
        rows: usize,
        /// All rows.
        total: usize,
        /// Line of the first.
        line: u64,
    },
    /// No row could be read.
    #[error("none of {rows} rows can be read; first: {first:?}")]
    NoRows {
        /// Number of rows.
        rows: usize,
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

/// A row that was left out.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("line {line}: {reason}")]
pub struct BadRow {
    /// Line of the file, starting at 1 with the header.
    pub line: u64,
    /// What is wrong.
    pub reason: BadRowReason,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum BadRowReason {
    /// The row ends before this column.
    #[error("no field for the {column}")]
    Missing {
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
    /// The numbers are no place.
    #[error(transparent)]
    Place(#[from] LatLngError),
    /// The field is not the token of a cell.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The four numbers are no box.
    #[error("the four borders are not a box inside the world")]
    Box,
    /// The row has the same name or box as an earlier one, or a second location of its class.
    #[error("the row repeats line {line}")]
    Repeated {
        /// The earlier line.
        line: u64,
    },
}

/// A reader of rows with named columns.
pub(super) struct Table<R: Read> {
    reader: csv::Reader<BufReader<R>>,
    headers: Vec<String>,
}

impl<R: Read> Table<R> {
    /// Reads the header; the separator is the one that the first line has most of.
    pub(super) fn new(source: R) -> Result<Self, TableError> {
        let mut source = BufReader::with_capacity(1 << 16, source);
        let start = source.fill_buf()?;
        let line = start.split(|&b| b == b'\n').next().unwrap_or_default();
        let count = |separator: u8| line.split(|&b| b == separator).count();
        let separator = [b',', b'\t', b';']
            .into_iter()
            .rev()
            .max_by_key(|&s| count(s))
            .unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(source);
        let headers = reader
            .byte_headers()?
            .iter()
            .map(|h| {
                String::from_utf8_lossy(h)
                    .trim_start_matches('\u{feff}')
                    .to_owned()
            })
            .collect();
        Ok(Self { reader, headers })
    }

    /// Position of the first column whose name is one of `names`, whatever its case.
    pub(super) fn find(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| {
            self.headers
                .iter()
                .position(|header| header.eq_ignore_ascii_case(name))
        })
    }

    /// As [`find`](Self::find), or an error that lists the columns.
    pub(super) fn require(
        &self,
        wanted: &'static str,
        names: &[&str],
    ) -> Result<usize, TableError> {
        self.find(names).ok_or_else(|| TableError::Column {
            wanted,
            found: self.headers.clone(),
        })
    }

    /// Reads the next row into `row`; `None` at the end.
    pub(super) fn next(&mut self, row: &mut Row) -> Result<bool, TableError> {
        row.line = self.reader.position().line();
        let more = self.reader.read_byte_record(&mut row.record)?;
        if let Some(position) = row.record.position() {
            row.line = position.line();
        }
        Ok(more)
    }
}

/// One row.
#[derive(Default)]
pub(super) struct Row {
    record: ByteRecord,
    pub(super) line: u64,
}

impl Row {
    pub(super) fn text(
        &self,
        at: usize,
        column: &'static str,
    ) -> Result<std::borrow::Cow<'_, str>, BadRowReason> {
        let field = self
            .record
            .get(at)
            .ok_or(BadRowReason::Missing { column })?;
        Ok(String::from_utf8_lossy(field))
    }

    pub(super) fn number(&self, at: usize, column: &'static str) -> Result<f64, BadRowReason> {
        self.parsed(at, column)
    }

    pub(super) fn parsed<T: std::str::FromStr>(
        &self,
        at: usize,
        column: &'static str,
    ) -> Result<T, BadRowReason> {
        let text = self.text(at, column)?;
        text.parse().map_err(|_| BadRowReason::Number {
            column,
            text: text.chars().take(40).collect(),
        })
    }

    pub(super) fn place(&self, lat: usize, lng: usize) -> Result<LatLng, BadRowReason> {
        let (lat, lng) = (
            self.number(lat, "latitude")?,
            self.number(lng, "longitude")?,
        );
        Ok(LatLng::new(lat, lng)?)
    }
}

pub(super) const LATITUDE: &[&str] = &["latitude", "lat", "lat_deg", "gps_lat", "gpslatitude"];
pub(super) const LONGITUDE: &[&str] = &[
    "longitude",
    "lng",
    "lon",
    "long",
    "lng_deg",
    "lon_deg",
    "gps_lng",
    "gps_lon",
    "gpslongitude",
];
