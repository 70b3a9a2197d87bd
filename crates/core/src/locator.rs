//! What applications and the evaluator hold: photos in, places out.

use geoloc_datasets::{Photo, PreprocessError};
use geoloc_geo_cells::Estimate;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::DecodeError;

/// Tells where photos were taken. Object safe: models of all kinds and a constant baseline are all a
/// `dyn Locator`.
pub trait Locator: Send + Sync {
    /// A short name for tables.
    fn name(&self) -> &str;

    /// One result per photo, in order; a photo that fails does not cost the others.
    fn locate(&self, photos: &[Photo]) -> Vec<Result<Estimate, LocateError>>;

    /// As [`locate`](Self::locate), with whether each photo is of the kind that the model is made for:
    /// [`Domain::Unknown`] where the model does not say.
    fn locate_checked(&self, photos: &[Photo]) -> Vec<Result<Located, LocateError>> {
        let unknown = |estimate| Located {
            estimate,
            domain: Domain::Unknown,
        };
        let located = self.locate(photos).into_iter();
        located.map(|found| found.map(unknown)).collect()
    }
}

/// An answer, and whether the model is made for such a photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// The answer. Outside the domain it means nothing, however sure it looks.
    pub estimate: Estimate,
    /// Whether the photo is of the kind that the model was trained on.
    pub domain: Domain,
}

/// Whether a photo is of the kind that a model was trained on. The score is higher for stranger photos;
/// 99 % of photos of the kind, held out from the training, have one of at most the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Domain {
    /// The model does not say.
    Unknown,
    /// The photo is of the kind.
    Inside {
        /// How strange it is.
        score: f64,
        /// The highest score that is still of the kind.
        threshold: f64,
    },
    /// It is not.
    Outside {
        /// How strange it is.
        score: f64,
        /// The highest score that is still of the kind.
        threshold: f64,
    },
}

impl Domain {
    /// Whether the photo is known to be of another kind.
    #[must_use]
    pub fn is_outside(&self) -> bool {
        matches!(self, Self::Outside { .. })
    }
}

/// Why a photo was not located.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum LocateError {
    /// The photo could not be brought into the form that the model reads.
    #[error("the photo could not be prepared for the model: {0}")]
    Input(#[from] PreprocessError),
    /// The output of the model could not be turned into a place.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}
