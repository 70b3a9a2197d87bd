//! Reading lists of labelled photos from CSV files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use geoloc_geo_cells::LatLng;
use thiserror::Error;

use crate::Sample;

/// What a CSV file lists: the good rows, and what is wrong with the others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Manifest {
    /// The good rows, in the order of the file.
    pub samples: Vec<Sample>,
    /// The bad rows, in the order of the file.
    pub problems: Vec<RowProblem>,
    /// Rows whose latitude is out of range while their two numbers the other way round would be
    /// in range: many of them mean that the columns are swapped.
    pub swapped_rows: usize,
}

/// Why a row is left out.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("line {line}: {reason}")]
pub struct RowProblem {
    /// Line of the file, counted from 1, header included.
    pub line: u64,
    /// What is wrong.
    pub reason: RowReason,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum RowReason {
    /// The text is not UTF-8.
    #[error("the text is not UTF-8")]
    Encoding,
    /// The number of fields differs from that of the header.
    #[error("{found} fields instead of {expected}")]
    Fields {
        /// Fields of this row.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// The photo's name is empty.
    #[error("the column {column:?} is empty")]
    NoPath {
        /// Name of the column.
        column: String,
    },
    /// A coordinate is not a number.
    #[error("{column} is {value:?}, not a number of degrees")]
    NotANumber {
        /// Name of the column.
        column: String,
        /// Its text.
        value: String,
    },
    /// A coordinate is out of range.
    #[error("{0}")]
    OutOfRange(String),
    /// The latitude is out of range, and the numbers would be in range the other way round.
    #[error("latitude {lat} is out of range; are latitude and longitude swapped?")]
    Swapped {
        /// The number in the latitude column.
        lat: f64,
        /// The number in the longitude column.
        lng: f64,
    },
    /// Another row before has the same id.
    #[error("the id {id:?} occurs before")]
    DuplicateId {
        /// The id.
        id: String,
    },
}

/// Why a manifest cannot be read at all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file cannot be opened or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The text is not CSV.
    #[error("not a CSV table: {0}")]
    Csv(#[from] csv::Error),
    /// A column is missing.
    #[error("no column for the {what} (any of {names:?}); the header has {header:?}")]
    Column {
        /// What the column would hold.
        what: &'static str,
        /// Names that are understood.
        names: &'static [&'static str],
        /// Names of the header.
        header: Vec<String>,
    },
}

/// Names understood for each column, in order of preference; case, spaces and dashes do not matter.
const PATHS: &[&str] = &[
    "path",
    "image",
    "image_path",
    "img",
    "img_path",
    "photo",
    "file",
    "filename",
    "file_name",
    "name",
    "id",
];
const LATITUDES: &[&str] = &["latitude", "lat", "gps_latitude", "gt_lat"];
const LONGITUDES: &[&str] = &[
    "longitude",
    "lng",
    "lon",
    "long",
    "gps_longitude",
    "gt_lng",
    "gt_lon",
];

/// Reads a CSV file with a header line; paths in it are relative to the file's folder.
///
/// Columns are found by name: one for the path (`path`, `image`, `filename`, `id`, ...), one for the
/// latitude (`latitude`, `lat`, ...), one for the longitude (`longitude`, `lng`, `lon`, ...); all
/// others become tags, as text. Fields are separated by commas, semicolons or tabs, whichever the
/// header has most of. The id of a sample is the text of its path column.
///
/// Bad rows are reported by line and reason; the good ones are kept. That the files exist is not
/// checked here.
///
/// # Errors
///
/// [`ManifestError`] if the file cannot be read or a column is missing.
pub fn read_manifest(path: impl AsRef<Path>) -> Result<Manifest, ManifestError> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|source| ManifestError::Io {
        path: path.to_path_buf(),
        source,
    })?;
    parse_manifest(&bytes, path.parent().unwrap_or(Path::new("")))
}

/// Reads the text of a CSV file, as [`read_manifest`] does; paths are relative to `root`.
///
/// # Errors
///
/// As [`read_manifest`].
pub fn parse_manifest(text: &[u8], root: &Path) -> Result<Manifest, ManifestError> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(text))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text);
    let header: Vec<String> = reader
        .byte_headers()?
        .iter()
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect();
    let columns = Columns::find(&header)?;
    let mut manifest = Manifest::default();
    let mut ids = BTreeSet::new();
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        let row = columns.row(&header, &record, root).and_then(|sample| {
            if ids.insert(sample.id.clone()) {
                Ok(sample)
            } else {
                Err(RowReason::DuplicateId { id: sample.id })
            }
        });
        match row {
            Ok(sample) => manifest.samples.push(sample),
            Err(reason) => {
                manifest.swapped_rows += usize::from(matches!(reason, RowReason::Swapped { .. }));
                manifest.problems.push(RowProblem { line, reason });
            }
        }
    }
    Ok(manifest)
}

fn delimiter(text: &[u8]) -> u8 {
    let header = String::from_utf8_lossy(text.split(|&b| b == b'\n').next().unwrap_or(text));
    let count = |d: u8| header.matches(char::from(d)).count();
    let candidates = [b',', b';', b'\t'];
    // The first of equals: a comma.
    candidates
        .into_iter()
        .rev()
        .max_by_key(|&d| count(d))
        .unwrap_or(b',')
}

/// Which column holds what.
struct Columns {
    path: usize,
    latitude: usize,
    longitude: usize,
}

impl Columns {
    fn find(header: &[String]) -> Result<Self, ManifestError> {
        let plain: Vec<String> = header
            .iter()
            .map(|name| name.to_lowercase().replace([' ', '-'], "_"))
            .collect();
        let find = |what, names: &'static [&'static str]| {
            let found = names
                .iter()
                .find_map(|name| plain.iter().position(|p| p == name));
            found.ok_or_else(|| ManifestError::Column {
                what,
                names,
                header: header.to_vec(),
            })
        };
        Ok(Self {
            path: find("photo's path", PATHS)?,
            latitude: find("latitude", LATITUDES)?,
            longitude: find("longitude", LONGITUDES)?,
        })
    }

    fn row(
        &self,
        header: &[String],
        record: &csv::ByteRecord,
        root: &Path,
    ) -> Result<Sample, RowReason> {
        if record.len() != header.len() {
            return Err(RowReason::Fields {
                found: record.len(),
                expected: header.len(),
            });
        }
        let record =
            csv::StringRecord::from_byte_record(record.clone()).map_err(|_| RowReason::Encoding)?;
        let field = |column: usize| record.get(column).unwrap_or_default();
        let name = |column: usize| header.get(column).cloned().unwrap_or_default();
        let id = field(self.path).to_owned();
        if id.is_empty() {
            return Err(RowReason::NoPath {
                column: name(self.path),
            });
        }
        let number = |column: usize| {
            field(column)
                .parse::<f64>()
                .map_err(|_| RowReason::NotANumber {
                    column: name(column),
                    value: field(column).to_owned(),
                })
        };
        let location = place(number(self.latitude)?, number(self.longitude)?)?;
        let mut tags = BTreeMap::new();
        for (column, value) in record.iter().enumerate() {
            if column != self.path && column != self.latitude && column != self.longitude {
                tags.insert(name(column), value.to_owned());
            }
        }
        Ok(Sample {
            path: root.join(&id),
            id,
            location,
            tags,
        })
    }
}

/// Longitudes up to 360 are folded; anything beyond is taken for an error.
fn place(lat: f64, lng: f64) -> Result<LatLng, RowReason> {
    let swapped = lat.abs() > 90.0 && lat.abs() <= 180.0 && lng.abs() <= 90.0;
    if swapped {
        return Err(RowReason::Swapped { lat, lng });
    }
    if lng.is_finite() && lng.abs() > 360.0 {
        let reason = format!("longitude {lng} is not a number of degrees in [-360, 360]");
        return Err(RowReason::OutOfRange(reason));
    }
    LatLng::new(lat, lng).map_err(|e| RowReason::OutOfRange(e.to_string()))
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
