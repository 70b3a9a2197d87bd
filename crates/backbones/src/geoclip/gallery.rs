//! Places with their embeddings.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use geoloc_core::Encoder;
use geoloc_core::FeatureSpec;
use geoloc_geo_cells::LatLng;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::LocationEncoder;
use crate::feature_file::{
    FeatureFile, FeatureFileError, FeatureKey, FeatureLayout, FeatureWriter, Precision,
};

/// Places that are encoded together.
const BATCH: usize = 1024;

/// Places and, row by row, their embeddings.
#[derive(Clone, Debug)]
pub struct LocationGallery {
    /// The places.
    pub places: Vec<LatLng>,
    /// Row-major `[places, width]`, not scaled to length 1.
    pub embeddings: Vec<f32>,
    /// Length of an embedding.
    pub width: usize,
}

/// Why there is no gallery.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GalleryError {
    /// The list of places cannot be read.
    #[error("{}: {source}", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The list does not begin with its header.
    #[error("{}, line 1: {text:?} is not the header LAT,LON", .path.display())]
    Header {
        /// Which file.
        path: PathBuf,
        /// Its first line.
        text: String,
    },
    /// A line of the list is no place.
    #[error("{}, line {line}: {text:?} is not a latitude and a longitude in degrees", .path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// Its text.
        text: String,
    },
    /// The embeddings cannot be kept or read.
    #[error(transparent)]
    Cache(#[from] FeatureFileError),
}

impl LocationGallery {
    /// Reads places from a file with the header `LAT,LON`, as published with `GeoCLIP`.
    ///
    /// # Errors
    ///
    /// [`GalleryError`] names the first line that is no place, or the first line if it is not the header.
    pub fn read_places(path: impl AsRef<Path>) -> Result<Vec<LatLng>, GalleryError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|source| GalleryError::Io {
            path: path.to_path_buf(),
            source,
        })?;
        let place = |text: &str| {
            let (lat, lng) = text.split_once(',')?;
            LatLng::new(lat.trim().parse().ok()?, lng.trim().parse().ok()?).ok()
        };
        let bad = |i: usize, line: &str| GalleryError::Line {
            path: path.to_path_buf(),
            line: i + 1,
            text: line.to_owned(),
        };
        let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
        // Without the header the first place would be lost.
        let header = lines.next().map_or("", |(_, line)| line);
        let names = header.split(',').map(str::trim);
        if !names.map(str::to_ascii_lowercase).eq(["lat", "lon"]) {
            return Err(GalleryError::Header {
                path: path.to_path_buf(),
                text: header.to_owned(),
            });
        }
        lines
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(i, line)| place(line).ok_or_else(|| bad(i, line)))
            .collect()
    }

    /// Encodes places once and keeps the embeddings in the file `cache`; the next call reads them
    /// from there. `weights` is the hash of the encoder's weights; another hash or other places are
    /// refused. A run that was cut off goes on where it was.
    ///
    /// # Errors
    ///
    /// [`GalleryError::Cache`].
    pub fn encode(
        encoder: &LocationEncoder,
        places: Vec<LatLng>,
        weights: &str,
        cache: impl AsRef<Path>,
        device: &Device,
    ) -> Result<Self, GalleryError> {
        let width = encoder.spec().width;
        let key = FeatureKey {
            data: hash_of(&places),
            weights: weights.to_owned(),
            input: "equal earth".into(),
        };
        let layout = FeatureLayout {
            rows: places.len() as u64,
            spec: FeatureSpec::pooled(width),
            precision: Precision::F32,
        };
        let file = match FeatureFile::open_for(&cache, &key) {
            Ok(file) => {
                file.verify()?;
                file
            }
            Err(other @ FeatureFileError::OtherKey { .. }) => return Err(other.into()),
            Err(_) => {
                let mut writer = FeatureWriter::open(&cache, key, layout)?;
                let done = writer.done() as usize;
                // The writer refuses a file that counts more rows than the layout.
                for batch in places[done..].chunks(BATCH) {
                    let map = super::location::project(batch, device);
                    writer.append(encoder.encode(map))?;
                }
                writer.finish()?
            }
        };
        Ok(Self {
            embeddings: file.pooled(),
            places,
            width,
        })
    }
}

/// SHA-256 of the coordinates in their order.
fn hash_of(places: &[LatLng]) -> String {
    let mut hash = Sha256::new();
    for place in places {
        hash.update(place.lat().to_le_bytes());
        hash.update(place.lng().to_le_bytes());
    }
    hash.finalize().iter().fold(String::new(), |mut text, b| {
        use std::fmt::Write;
        // Writing to a string does not fail.
        let _ = write!(text, "{b:02x}");
        text
    })
}
