//! Tables with a place in each row: the one reader behind all lists of places and photos.

use std::io::Read;

use crate::LatLng;

use super::bad_rows::{BadRow, BadRowReason, BadRows};
use super::table::{Header, LATITUDE, LONGITUDE, Row, Table};
use super::table_error::TableError;

/// Names of the columns of a place; `None` finds them by the usual names (`latitude`, `lat`,
/// `decimalLatitude`, `longitude`, `lng`, `lon`, ...).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlaceColumns {
    /// Column of the latitude.
    pub latitude: Option<String>,
    /// Column of the longitude.
    pub longitude: Option<String>,
}

/// Reads a comma-, tab- or semicolon-separated table with a header and a place in each row.
///
/// `find` finds columns beside those of latitude and longitude, which it gets; `take` gets them with the line, the fields and the
/// place of each good row, and may find it bad.
/// The header is the first of the first 20 lines in which all columns are found; lines before it are
/// skipped. Names of columns are found whatever their capitals, spaces, dashes and underscores. The
/// separator is the one that the header has most of. A byte order mark is skipped. A row has at most
/// [`MAX_ROW_BYTES`](crate::MAX_ROW_BYTES) bytes, and as many fields as the header.
///
/// # Errors
///
/// [`TableError`] if the file cannot be read, is not UTF-8, a column is missing or there twice, a
/// quoted field does not end in its row, a row is too long, no row can be read, or at least a tenth of
/// the rows (three or more, or all) are places only with latitude and longitude swapped.
pub fn read_place_rows<C>(
    source: impl Read,
    columns: &PlaceColumns,
    find: impl Fn(&Header, [usize; 2]) -> Result<C, TableError>,
    mut take: impl FnMut(&C, u64, Row<'_>, LatLng) -> Result<(), BadRowReason>,
) -> Result<BadRows, TableError> {
    let all = |header: &Header| {
        let latitude = columns.latitude.as_deref();
        let longitude = columns.longitude.as_deref();
        let place = [
            header.require("latitude", latitude, LATITUDE)?,
            header.require("longitude", longitude, LONGITUDE)?,
        ];
        Ok((place, find(header, place)?))
    };
    let numbers = |(place, _): &([usize; 2], C)| place.to_vec();
    let (mut table, _, ([lat, lng], others)) = Table::new(source, all, numbers)?;
    let (mut bad, mut total) = (Vec::new(), 0_u64);
    while let Some((line, row)) = table.next()? {
        total += 1;
        let taken = row.and_then(|row| take(&others, line, row, row.place(lat, lng)?));
        if let Err(reason) = taken {
            bad.push(BadRow { line, reason });
        }
    }
    check_swapped(&bad, total)?;
    if bad.len() as u64 == total {
        return Err(TableError::NoRows {
            rows: total,
            first: bad.into_iter().next(),
        });
    }
    Ok(BadRows::new(bad, total))
}

/// One odd row in a short table proves nothing.
fn check_swapped(bad: &[BadRow], total: u64) -> Result<(), TableError> {
    let swapped = |row: &&BadRow| matches!(row.reason, BadRowReason::Swapped { .. });
    let rows = bad.iter().filter(swapped).count() as u64;
    match bad.iter().find(swapped) {
        Some(first) if (rows >= 3 || rows == total) && rows * 10 >= total => {
            Err(TableError::Swapped {
                rows,
                total,
                line: first.line,
            })
        }
        _ => Ok(()),
    }
}
