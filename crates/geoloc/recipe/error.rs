//! What can go wrong between a recipe and a model.

use std::path::PathBuf;

use thiserror::Error;

use crate::approach::{ApproachError, MakeDecoderError};
use crate::artifact::ArtifactError;
use crate::backbones::weights::WeightsError;
use crate::core::ConfigError;
use crate::features::FeatureRunError;
use crate::images::EncodeError;
use crate::job::JobError;
use crate::metrics::{MetricError, ReportError};
use crate::output::OutputError;
use crate::photos::{InputError, NoPhotos, PhotosError, PlaceDrawError, SplitError};
use crate::trainer::TrainError;

/// What can go wrong between a recipe and a model.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// A file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The text is no recipe; the message names the key and shows its line.
    #[error("{origin}: {message}")]
    Toml {
        /// Where the text is from.
        origin: String,
        /// What is wrong.
        message: String,
    },
    /// A value is out of range, or does not go with others.
    #[error("`{key}`: {reason}")]
    Key {
        /// The key, with the tables that it is in.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// The folder of results belongs to another run, or another process is at work there.
    #[error(transparent)]
    Job(#[from] JobError),
    /// Results cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The photos cannot be read.
    #[error(transparent)]
    Photos(#[from] PhotosError),
    /// The photos cannot be divided.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// There is nothing to train on.
    #[error("no photos to train on: {0}")]
    NoPhotos(#[from] NoPhotos),
    /// The photos cannot be drawn place by place.
    #[error("`training.photos_per_place`: {0}")]
    Places(#[from] PlaceDrawError),
    /// The approach does not fit the ground.
    #[error(transparent)]
    Approach(#[from] ApproachError),
    /// A model cannot be built.
    #[error("the model cannot be built: {0}")]
    Config(#[from] ConfigError),
    /// Weights cannot be loaded.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Features cannot be computed.
    #[error(transparent)]
    Features(#[from] FeatureRunError),
    /// The training ended early.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A photo cannot be read after the training.
    #[error("after the training: {0}")]
    Input(#[source] InputError),
    /// The decoder of the trained model cannot be made.
    #[error(transparent)]
    Decoder(#[from] MakeDecoderError),
    /// The gallery cannot be searched.
    #[error("the gallery of the trained model cannot be searched: {reason}")]
    Gallery {
        /// What the index said.
        reason: String,
    },
    /// The model file cannot be written or read back.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// A figure cannot be computed.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// The report cannot be written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A picture cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl RecipeError {
    #[allow(
        clippy::needless_pass_by_value,
        reason = "texts and errors read better without an ampersand"
    )]
    pub(super) fn key(key: impl Into<String>, reason: impl ToString) -> Self {
        Self::Key {
            key: key.into(),
            reason: reason.to_string(),
        }
    }
}
