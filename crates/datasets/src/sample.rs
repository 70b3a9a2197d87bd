//! One labelled photo.

use std::collections::BTreeMap;
use std::path::PathBuf;

use geoloc_geo_cells::{LatLng, same_column};
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
    /// The value of a tag; none if the tag is missing or empty. Names are compared as those of columns:
    /// capitals, spaces, dashes and underscores do not matter, unless a tag has exactly this name.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.find(name).filter(|value| !value.is_empty())
    }

    /// Whether there is a tag of this name, empty or not.
    #[must_use]
    pub fn has_tag(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn find(&self, name: &str) -> Option<&str> {
        let alike = || {
            let mut tags = self.tags.iter();
            tags.find_map(|(tag, value)| same_column(tag, name).then_some(value))
        };
        self.tags.get(name).or_else(alike).map(String::as_str)
    }
}
