//! Comma-, tab- or semicolon-separated tables with a header.

use std::io::{BufReader, Chain, Cursor, Read};

use crate::LatLng;

use super::bad_rows::BadRowReason;
use super::encoding::without_mark;
use super::record::{Record, RecordReader};
use super::table_error::TableError;

/// Bytes in which the header must end.
const HEAD_BYTES: u64 = 1 << 16;
/// The header is one of the first lines, as many as this.
const HEADER_WITHIN: usize = 20;
/// Characters of a field that messages show.
const SHOWN: usize = 40;

/// Names of the columns of a table.
#[derive(Debug, Default)]
pub struct Header {
    names: Vec<String>,
}

impl Header {
    /// Names of the columns, as the table has them.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Position of the first column whose name is one of `known`, tried in their order; capitals,
    /// spaces, dashes and underscores do not matter.
    ///
    /// # Errors
    ///
    /// [`TableError::RepeatedColumn`] if two columns have that name.
    pub fn find(&self, known: &[&str]) -> Result<Option<usize>, TableError> {
        for name in known {
            let wanted = plain(name);
            let mut found = (0..self.names.len()).filter(|&k| plain(&self.names[k]) == wanted);
            if let Some(first) = found.next() {
                return match found.next() {
                    None => Ok(Some(first)),
                    Some(_) => Err(TableError::RepeatedColumn {
                        name: self.names[first].clone(),
                        found: self.names.clone(),
                    }),
                };
            }
        }
        Ok(None)
    }

    /// The column called `given`, or without that, the first of the `known` names.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find), and [`TableError::Column`] if there is none.
    pub fn require(
        &self,
        wanted: &'static str,
        given: Option<&str>,
        known: &[&str],
    ) -> Result<usize, TableError> {
        let known = given.as_ref().map_or(known, std::slice::from_ref);
        self.find(known)?.ok_or_else(|| TableError::Column {
            wanted,
            known: known.iter().map(ToString::to_string).collect(),
            found: self.names.clone(),
        })
    }
}

/// Whether two names of columns are the same but for capitals, spaces, dashes and underscores.
#[must_use]
pub fn same_column(a: &str, b: &str) -> bool {
    plain(a) == plain(b)
}

/// A name of a column without what does not matter: capitals, spaces, dashes, underscores.
fn plain(name: &str) -> String {
    let matters = |c: &char| !matches!(c, ' ' | '-' | '_');
    name.trim().to_lowercase().chars().filter(matters).collect()
}

type Source<R> = Chain<Cursor<Vec<u8>>, BufReader<R>>;

/// A reader of rows with named columns.
pub(super) struct Table<R: Read> {
    records: RecordReader<Source<R>>,
    record: Record,
    columns: usize,
    separator: u8,
}

impl<R: Read> Table<R> {
    /// Finds the header: the first line in which `find` finds its columns. Lines before it are skipped.
    /// `numbers` says which columns hold numbers.
    pub(super) fn new<C>(
        source: R,
        find: impl Fn(&Header) -> Result<C, TableError>,
        numbers: impl Fn(&C) -> Vec<usize>,
    ) -> Result<(Self, Header, C), TableError> {
        let mut source = BufReader::with_capacity(1 << 16, source);
        let mut head = Vec::new();
        source.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
        let text = without_mark(&head)?;
        let start = head.len() - text.len();
        if let Some(at) = text.iter().position(|&b| b == 0) {
            return Err(super::encoding::EncodingError::Binary { at: start + at }.into());
        }
        let (header, columns, separator, begin, line) = find_header(text, find)?;
        let mut rest = head;
        rest.drain(..start + begin);
        let mut records = RecordReader::new(Cursor::new(rest).chain(source), separator, line);
        let mut record = Record::default();
        records.read(&mut record)?;
        records.shape.fields = header.names.len();
        records.shape.numbers = numbers(&columns);
        let table = Self {
            records,
            record,
            columns: header.names.len(),
            separator,
        };
        Ok((table, header, columns))
    }

    /// The line of the next row and its fields, or what is wrong with it; `None` at the end.
    #[allow(
        clippy::type_complexity,
        reason = "a row, or a bad row, or an error, or the end"
    )]
    pub(super) fn next(
        &mut self,
    ) -> Result<Option<(u64, Result<Row<'_>, BadRowReason>)>, TableError> {
        if !self.records.read(&mut self.record)? {
            return Ok(None);
        }
        let row = Row(&self.record);
        let (found, expected) = (row.len(), self.columns);
        let checked = if self.record.stray_quote {
            Err(BadRowReason::StrayQuote)
        } else if found == expected {
            Ok(row)
        } else if found > expected && self.separator == b',' && row.has_decimal_commas() {
            Err(BadRowReason::DecimalCommas { found, expected })
        } else {
            Err(BadRowReason::Fields { found, expected })
        };
        Ok(Some((self.record.line, checked)))
    }
}

/// The header with its columns and separator, where it begins, and the lines before it.
fn find_header<C>(
    text: &[u8],
    find: impl Fn(&Header) -> Result<C, TableError>,
) -> Result<(Header, C, u8, usize, u64), TableError> {
    let mut failed = None;
    let (mut at, mut line) = (0, 0);
    for _ in 0..HEADER_WITHIN {
        let rest = &text[at..];
        let first = rest.split(|b| matches!(b, b'\n' | b'\r')).next();
        let length = first.map_or(0, <[u8]>::len);
        if !rest[..length].trim_ascii().is_empty() || failed.is_none() && rest.is_empty() {
            let separator = separator_of(&rest[..length]);
            let mut record = Record::default();
            let found = RecordReader::new(rest, separator, line)
                .read(&mut record)
                .and_then(|_| {
                    let names = record.iter().map(|n| String::from_utf8_lossy(n).into());
                    let header = Header {
                        names: names.collect(),
                    };
                    find(&header).map(|columns| (header, columns, separator, at, line))
                });
            match found {
                Ok(found) => return Ok(found),
                Err(e) => failed = failed.or(Some(e)),
            }
        }
        if length == rest.len() {
            break;
        }
        let ends = if rest[length..].starts_with(b"\r\n") {
            2
        } else {
            1
        };
        at += length + ends;
        line += 1;
    }
    // The loop leaves without an error only if all lines were empty.
    Err(failed.unwrap_or(TableError::NoRows {
        rows: 0,
        first: None,
    }))
}

/// The separator that a line has most of; a comma of equals.
fn separator_of(line: &[u8]) -> u8 {
    let count = |separator: u8| line.split(|&b| b == separator).count();
    let mut best = b',';
    for other in [b';', b'\t'] {
        if count(other) > count(best) {
            best = other;
        }
    }
    best
}

/// The fields of a row that has as many as the header.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a>(&'a Record);

impl<'a> Row<'a> {
    fn len(self) -> usize {
        self.0.len()
    }

    /// The text of the field in column `at`, which holds the `column`.
    ///
    /// # Errors
    ///
    /// [`BadRowReason`] if it is not UTF-8, or the table has no such column.
    pub fn text(self, at: usize, column: &'static str) -> Result<&'a str, BadRowReason> {
        let field = self.0.get(at).ok_or(BadRowReason::Empty { column })?;
        std::str::from_utf8(field).map_err(|_| BadRowReason::Encoding { column })
    }

    /// The number in column `at`.
    ///
    /// # Errors
    ///
    /// [`BadRowReason`] if the field is no number.
    pub fn number(self, at: usize, column: &'static str) -> Result<f64, BadRowReason> {
        self.parsed(at, column)
    }

    pub(super) fn parsed<T: std::str::FromStr>(
        self,
        at: usize,
        column: &'static str,
    ) -> Result<T, BadRowReason> {
        let text = self.text(at, column)?;
        text.parse().map_err(|_| {
            let (one_comma, point) = (text.matches(',').count() == 1, text.replacen(',', ".", 1));
            let text = text.chars().take(SHOWN).collect();
            if one_comma && point.parse::<f64>().is_ok() {
                BadRowReason::DecimalComma { column, text }
            } else {
                BadRowReason::Number { column, text }
            }
        })
    }

    /// The place of two columns; swapped numbers are told apart from those that are out of range.
    pub(super) fn place(self, lat: usize, lng: usize) -> Result<LatLng, BadRowReason> {
        let lat = self.number(lat, "latitude")?;
        let lng = self.number(lng, "longitude")?;
        if lat.abs() > 90.0 && lat.abs() <= 180.0 && lng.abs() <= 90.0 {
            return Err(BadRowReason::Swapped { lat, lng });
        }
        Ok(LatLng::of_file(lat, lng)?)
    }

    /// Whether two fields side by side are the parts of a coordinate: whole degrees, then digits.
    fn has_decimal_commas(self) -> bool {
        let digits = |field: &[u8]| !field.is_empty() && field.iter().all(u8::is_ascii_digit);
        let fields: Vec<&[u8]> = self.0.iter().collect();
        fields.windows(2).any(|pair| {
            let whole = pair[0].strip_prefix(b"-").unwrap_or(pair[0]);
            whole.len() <= 3 && digits(whole) && digits(pair[1])
        })
    }
}

/// Names of the latitude, in the order in which they are tried.
pub(super) const LATITUDE: &[&str] = &[
    "latitude",
    "lat",
    "decimal_latitude",
    "lat_deg",
    "latitude_deg",
    "gps_latitude",
    "gps_lat",
    "gt_lat",
    "photo_location_latitude",
];
/// Names of the longitude.
pub(super) const LONGITUDE: &[&str] = &[
    "longitude",
    "lng",
    "lon",
    "long",
    "decimal_longitude",
    "lng_deg",
    "lon_deg",
    "longitude_deg",
    "gps_longitude",
    "gps_lng",
    "gps_lon",
    "gt_lng",
    "gt_lon",
    "photo_location_longitude",
];
