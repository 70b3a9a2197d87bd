//! Results of an approach, as they are kept on disk.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::metrics::{Curve, MethodReport};
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
    /// The results in a file, if there are any and they belong to `key`.
    pub(super) fn read(path: &Path, key: &str) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?;
        let found: Self = serde_json::from_str(&text).ok()?;
        (found.key == key).then_some(found)
    }

    /// Writes a file so that it is either whole or not there.
    pub(super) fn write(&self, path: &Path) -> Result<(), WorldError> {
        let failed = |source| WorldError::File {
            path: path.to_owned(),
            source,
        };
        let partial = path.with_extension("partial");
        let text = serde_json::to_string(self).map_err(|e| failed(e.into()))?;
        std::fs::write(&partial, text).map_err(failed)?;
        std::fs::rename(&partial, path).map_err(failed)
    }
}
