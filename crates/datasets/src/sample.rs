//! One labelled photo.

use std::collections::BTreeMap;
use std::path::PathBuf;

use geoloc_geo_cells::LatLng;
use serde::{Deserialize, Serialize};

/// A photo with a known place, not yet decoded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// What tells the photo from all others of its dataset; splits hash it.
    pub id: String,
    /// Where the file is.
    pub path: PathBuf,
    /// Where the photo was taken.
    pub location: LatLng,
    /// Whatever else is known, by column name; always text, so that "NA" stays Namibia.
    pub tags: BTreeMap<String, String>,
}

impl Sample {
    /// The value of a tag; none if the tag is missing or empty.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.tags
            .get(name)
            .map(String::as_str)
            .filter(|v| !v.is_empty())
    }
}
