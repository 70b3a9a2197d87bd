//! Coordinates from a table.

use std::io::Read;

use crate::LatLng;

use super::bad_rows::BadRows;
use super::place_rows::{PlaceColumns, read_place_rows};
use super::table::{Header, Row};
use super::table_error::TableError;

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
    /// Rows that were left out, with the number of all rows.
    pub bad_rows: BadRows,
}

/// Reads coordinates from a comma-, tab- or semicolon-separated table with a header; see
/// [`read_place_rows`] for what tables may look like. Neither names nor paths are needed.
///
/// # Errors
///
/// As [`read_place_rows`].
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
    let mut places = Vec::new();
    let mut labels = options.label.as_ref().map(|_| Vec::new());
    let find = |header: &Header, _: [usize; 2]| {
        let label = options.label.as_deref();
        label
            .map(|name| header.require("label", Some(name), &[]))
            .transpose()
    };
    let take = |label: &Option<usize>, _line: u64, row: Row<'_>, place: LatLng| {
        if let (Some(at), Some(labels)) = (label, &mut labels) {
            labels.push(row.text(*at, "label")?.to_owned());
        }
        places.push(place);
        Ok(())
    };
    let columns = PlaceColumns {
        latitude: options.latitude.clone(),
        longitude: options.longitude.clone(),
    };
    let bad_rows = read_place_rows(source, &columns, find, take)?;
    Ok(PlacesTable {
        places,
        labels,
        bad_rows,
    })
}
