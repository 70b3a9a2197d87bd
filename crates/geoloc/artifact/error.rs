//! What can be wrong with an artifact.

use std::path::PathBuf;

use thiserror::Error;

/// Why an artifact could not be written, read or used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// The file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is no geoloc artifact.
    #[error("{path} is not a geoloc model file: {reason}")]
    NotAnArtifact {
        /// The file.
        path: PathBuf,
        /// How one can tell.
        reason: String,
    },
    /// The file is a geoloc artifact, but not as it was written.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The file was written by a newer version of the library.
    #[error(
        "{path} has format version {found}, this library reads up to {supported}: update geoloc"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version of the file.
        found: u32,
        /// Newest version that this library reads.
        supported: u32,
    },
    /// There is no such component.
    #[error("the model file has no component `{name}`, only {known:?}")]
    NoComponent {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A component is of another kind, or its settings cannot be read.
    #[error("component `{name}` of kind `{kind}` cannot be used here: {reason}")]
    Settings {
        /// The component.
        name: String,
        /// Its kind.
        kind: String,
        /// Why.
        reason: String,
    },
    /// A part of a component is missing or has another form.
    #[error("part `{part}` of the model file cannot be used: {reason}")]
    Part {
        /// Name of the tensor, or the prefix of several.
        part: String,
        /// Why.
        reason: String,
    },
}
