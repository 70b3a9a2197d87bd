//! Results of an approach, as they are kept on disk.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::metrics::{Curve, MethodReport};
use crate::output::write_whole;
use crate::world::WorldError;

/// One decoder of an approach, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodOutcome {
    /// On tiles between the training tiles.
    pub seen: MethodReport,
    /// On tiles drawn as the training tiles are, as the test photos of a random split.
    pub random: MethodReport,
    /// On tiles of longitudes without training tiles.
    pub unseen: MethodReport,
    /// Milliseconds a tile from pixels (or features) to estimate, in batches of 64.
    pub ms_per_image: f64,
}

/// One trained approach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApproachOutcome {
    /// What it was trained with: results of other settings are not used.
    pub key: String,
    /// Loss curve.
    pub curve: Curve,
    /// Trained and fixed numbers of the model.
    pub parameters: usize,
    /// Seconds of training.
    pub train_seconds: f64,
    /// One for each decoder.
    pub methods: Vec<MethodOutcome>,
}

impl ApproachOutcome {
    /// The results in a file; if there are none, or they are of another `key`, what to say of those that
    /// are there.
    pub(super) fn read(path: &Path, key: &str) -> Result<Self, Option<String>> {
        let name = path.display();
        let text = match std::fs::read_to_string(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(None),
            text => {
                text.map_err(|e| Some(format!("{name} could not be read and was made anew: {e}")))?
            }
        };
        let found: Self = serde_json::from_str(&text)
            .map_err(|e| Some(format!("{name} was damaged and was made anew: {e}")))?;
        if found.key == key {
            return Ok(found);
        }
        Err(Some(format!(
            "{name} was of other settings and was made anew: {} there, {key} here",
            found.key
        )))
    }

    /// Writes a file so that it is either whole or not there.
    pub(super) fn write(&self, path: &Path) -> Result<(), WorldError> {
        let text = serde_json::to_string(self).map_err(|e| WorldError::File {
            path: path.to_owned(),
            source: e.into(),
        })?;
        Ok(write_whole(path, text.as_bytes())?)
    }
}
