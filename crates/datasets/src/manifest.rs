//! Reading lists of labelled photos from CSV files.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};

use geoloc_geo_cells::{
    BadRowReason, BadRows, Header, LatLng, PlaceColumns, Row, TableError, read_place_rows,
};
use thiserror::Error;

use crate::Sample;
use crate::resolved_path::PathResolver;

/// What a CSV file lists: the good rows, and what is wrong with the others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Manifest {
    /// The good rows, in the order of the file.
    pub samples: Vec<Sample>,
    /// The bad rows, in the order of the file, with the number of all rows.
    pub problems: BadRows,
}

/// Names of the columns; `None` finds them by the usual names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ManifestColumns {
    /// Column of the photo's path (`path`, `image`, `img_id`, `filename`, `id`, ...).
    pub path: Option<String>,
    /// Column of the latitude.
    pub latitude: Option<String>,
    /// Column of the longitude.
    pub longitude: Option<String>,
}

/// Why a manifest cannot be read at all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file cannot be opened.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The table cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// Names understood for the path, in order of preference.
const PATHS: &[&str] = &[
    "path",
    "image",
    "image_path",
    "img",
    "img_path",
    "photo",
    "photo_path",
    "file",
    "file_path",
    "file_name",
    "image_file",
    "img_file",
    "image_name",
    "img_name",
    "name",
    "image_id",
    "img_id",
    "photo_id",
    "id",
];

/// Reads a CSV file with a header line; paths in it are relative to the file's folder.
///
/// Columns are found by name: one for the path (`path`, `image`, `img_id`, `filename`, `id`, ...), one
/// for the latitude (`latitude`, `lat`, `decimalLatitude`, ...), one for the longitude; all others
/// become tags, as text (of two with the same name the first). The id of a sample is the text of its
/// path column. What tables may look like says [`read_place_rows`].
///
/// Bad rows are reported by line and reason; the good ones are kept. A photo that occurs a second
/// time, even by another spelling of its path (`p/0.jpg`, `./p/0.jpg`, through a link to its folder),
/// is a bad row. That the files exist is not checked here.
///
/// # Errors
///
/// [`ManifestError`] if the file cannot be read, a column is missing, or no row is good.
pub fn read_manifest(path: impl AsRef<Path>) -> Result<Manifest, ManifestError> {
    read_manifest_with(path, &ManifestColumns::default())
}

/// As [`read_manifest`], with names of columns.
///
/// # Errors
///
/// As [`read_manifest`].
pub fn read_manifest_with(
    path: impl AsRef<Path>,
    columns: &ManifestColumns,
) -> Result<Manifest, ManifestError> {
    let path = path.as_ref();
    let file = std::fs::File::open(path).map_err(|source| ManifestError::Io {
        path: path.to_path_buf(),
        source,
    })?;
    parse_manifest(file, path.parent().unwrap_or(Path::new("")), columns)
}

/// Reads a CSV file from any source, as [`read_manifest`] does; paths are relative to `root`.
///
/// # Errors
///
/// As [`read_manifest`].
pub fn parse_manifest(
    source: impl Read,
    root: &Path,
    columns: &ManifestColumns,
) -> Result<Manifest, ManifestError> {
    let place = PlaceColumns {
        latitude: columns.latitude.clone(),
        longitude: columns.longitude.clone(),
    };
    let find = |header: &Header, place: [usize; 2]| {
        let path = header.require("photo's path", columns.path.as_deref(), PATHS)?;
        let names = header.names().iter().cloned().enumerate();
        let tags = names.filter(|(at, _)| *at != path && !place.contains(at));
        Ok((path, tags.collect::<Vec<_>>()))
    };
    let mut samples = Vec::new();
    let (mut resolver, mut lines) = (PathResolver::default(), HashMap::new());
    let take = |(path, tags): &(usize, Tags), line, row: Row<'_>, location: LatLng| {
        let sample = sample(*path, tags, row, root, location)?;
        let file = resolver.resolve(&sample.path);
        if let Some(&line) = lines.get(&file) {
            return Err(BadRowReason::Repeated { line });
        }
        lines.insert(file, line);
        samples.push(sample);
        Ok(())
    };
    let problems = read_place_rows(source, &place, find, take)?;
    Ok(Manifest { samples, problems })
}

/// Columns that become tags, with their names.
type Tags = Vec<(usize, String)>;

fn sample(
    path: usize,
    columns: &[(usize, String)],
    row: Row<'_>,
    root: &Path,
    location: LatLng,
) -> Result<Sample, BadRowReason> {
    let id = row.text(path, "photo's path")?.to_owned();
    if id.is_empty() {
        let column = "photo's path";
        return Err(BadRowReason::Empty { column });
    }
    let mut tags = BTreeMap::new();
    for (column, name) in columns {
        let text = row.text(*column, "row")?;
        tags.entry(name.clone()).or_insert_with(|| text.to_owned());
    }
    Ok(Sample {
        path: root.join(&id),
        id,
        location,
        tags,
    })
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
