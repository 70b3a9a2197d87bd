//! What applications and the evaluator hold: photos in, places out.

use geoloc_datasets::{Photo, PreprocessError};
use geoloc_geo_cells::Estimate;
use thiserror::Error;

use crate::DecodeError;

/// Tells where photos were taken. Object safe: models of all kinds and a constant baseline are all a
/// `dyn Locator`.
pub trait Locator: Send + Sync {
    /// A short name for tables.
    fn name(&self) -> &str;

    /// One result per photo, in order; a photo that fails does not cost the others.
    fn locate(&self, photos: &[Photo]) -> Vec<Result<Estimate, LocateError>>;
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
