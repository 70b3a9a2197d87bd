//! What can be wrong with a feature file.

use std::path::PathBuf;

use thiserror::Error;

/// Why features could not be written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FeatureFileError {
    /// The file cannot be opened, read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is no feature file, or not as it was written.
    #[error("{}: not a whole feature file: {reason}", .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The file was computed from something else.
    #[error(
        "{}: the features are of another {what} ({found} there, {expected} here); remove the file \
         or use another name",
        .path.display()
    )]
    OtherKey {
        /// Which file.
        path: PathBuf,
        /// Data, weights, input or layout.
        what: &'static str,
        /// What was asked for.
        expected: String,
        /// What the file says.
        found: String,
    },
    /// Another process writes the file.
    #[error("{}: another process is writing it", .path.display())]
    Busy {
        /// Which file.
        path: PathBuf,
    },
    /// Features of another shape, or more rows than announced, were appended.
    #[error("{}: expected {expected}, got {found}", .path.display())]
    Shape {
        /// Which file.
        path: PathBuf,
        /// What the layout says.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A feature is NaN or infinite, or too large for 16 bits.
    #[error("{}: row {row} holds {value}, which cannot be stored", .path.display())]
    NotFinite {
        /// Which file.
        path: PathBuf,
        /// Row.
        row: u64,
        /// The value.
        value: f32,
    },
    /// A row is asked for that is not there.
    #[error("{}: row {row} of {rows}", .path.display())]
    NoRow {
        /// Which file.
        path: PathBuf,
        /// Row.
        row: u64,
        /// Number of rows.
        rows: u64,
    },
    /// A tensor could not be read from its device.
    #[error("features could not be read from the device: {reason}")]
    Device {
        /// What burn said.
        reason: String,
    },
}
