//! Coordinates from a table.

use std::io::Read;

use crate::{LatLng, LatLngError};

use super::table::{BadRow, BadRowReason, LATITUDE, LONGITUDE, Row, Table, TableError};

/// Which columns hold what; `None` finds them by the usual names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlacesOptions {
    /// Column of the latitude.
    pub latitude: Option<String>,
    /// Column of the longitude.
    pub longitude: Option<String>,
    /// Column of a label: a city, a country, a user.
    pub label: Option<String>,
}

/// Places of a table, and the rows that could not be read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlacesTable {
    /// The places, in the order of the rows.
    pub places: Vec<LatLng>,
    /// One label a place, where a column was named.
    pub labels: Option<Vec<String>>,
    /// Rows that were left out.
    pub bad_rows: Vec<BadRow>,
}

/// Reads coordinates from a comma-, tab- or semicolon-separated table with a header.
///
/// Columns are found by name (`latitude`, `lat`, `longitude`, `lng`, `lon`, ..., in any case)
/// unless they are given.
///
/// # Errors
///
/// [`TableError`] if the file cannot be read, a column is missing, no row can be read, or at least
/// a tenth of the rows (three or more, or all) are places only with latitude and longitude swapped.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{PlacesOptions, read_places};
///
/// let csv = "id,LAT,LON\na,48.8566,2.3522\nb,north,2\nc,-33.8688,151.2093\n";
/// let table = read_places(csv.as_bytes(), &PlacesOptions::default())?;
/// assert_eq!(table.places.len(), 2);
/// assert_eq!(table.bad_rows[0].to_string(), "line 3: latitude is \"north\", not a number");
/// # Ok::<(), geoloc_geo_cells::TableError>(())
/// ```
pub fn read_places(source: impl Read, options: &PlacesOptions) -> Result<PlacesTable, TableError> {
    let mut table = Table::new(source)?;
    let column = |wanted, given: &Option<String>, names: &[&str]| match given {
        Some(name) => table.require(wanted, &[name]),
        None => table.require(wanted, names),
    };
    let lat = column("latitude", &options.latitude, LATITUDE)?;
    let lng = column("longitude", &options.longitude, LONGITUDE)?;
    let label = match &options.label {
        Some(name) => Some(table.require("label", &[name])?),
        None => None,
    };
    let mut read = PlacesTable {
        labels: label.map(|_| Vec::new()),
        ..PlacesTable::default()
    };
    let (mut row, mut total) = (Row::default(), 0);
    let (mut swapped, mut first_swapped) = (0, 0);
    while table.next(&mut row)? {
        total += 1;
        let place = row.place(lat, lng).and_then(|place| {
            let label = label.map(|at| row.text(at, "label")).transpose()?;
            Ok((place, label.map(std::borrow::Cow::into_owned)))
        });
        match place {
            Ok((place, label)) => {
                read.places.push(place);
                if let (Some(labels), Some(label)) = (&mut read.labels, label) {
                    labels.push(label);
                }
            }
            Err(reason) => {
                if matches!(reason, BadRowReason::Place(LatLngError::Latitude { .. }))
                    && row.number(lat, "").is_ok_and(|x| x.abs() <= 180.0)
                    && row.number(lng, "").is_ok_and(|x| x.abs() <= 90.0)
                {
                    if swapped == 0 {
                        first_swapped = row.line;
                    }
                    swapped += 1;
                }
                read.bad_rows.push(BadRow {
                    line: row.line,
                    reason,
                });
            }
        }
    }
    // One odd row in a short table proves nothing.
    let many = swapped >= 3 || swapped == total;
    if swapped > 0 && many && swapped * 10 >= total {
        return Err(TableError::Swapped {
            rows: swapped,
            total,
            line: first_swapped,
        });
    }
    if read.places.is_empty() {
        return Err(TableError::NoRows {
            rows: total,
            first: read.bad_rows.into_iter().next(),
        });
    }
    Ok(read)
}
