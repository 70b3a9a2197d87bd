//! What can be wrong with a table, its file or a batch.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a table cannot be made, opened or used so.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TableError {
    /// A setting is out of range.
    #[error("{name} of a prototype table is out of range: {value}")]
    Config {
        /// Name of the setting.
        name: &'static str,
        /// The rejected value.
        value: f64,
    },
    /// Cells are not strictly ascending by S2 id.
    #[error("cells of a prototype table ascend by S2 id, each once; row {row} does not")]
    Order {
        /// The first row out of order.
        row: usize,
    },
    /// A block of numbers has the wrong length.
    #[error("{what}: expected {expected} numbers, got {found}")]
    Shape {
        /// Which block.
        what: &'static str,
        /// Expected length.
        expected: usize,
        /// Length found.
        found: usize,
    },
    /// A number is NaN or infinite.
    #[error("{what}: row {row} holds a number that is not finite")]
    NotFinite {
        /// Which block.
        what: &'static str,
        /// Row of the block.
        row: usize,
    },
    /// A target is not a row of the table.
    #[error("target {index} of the batch is row {row}, and the table has {rows} rows")]
    Target {
        /// Position in the batch.
        index: usize,
        /// Row asked for.
        row: usize,
        /// Rows of the table.
        rows: usize,
    },
    /// The system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another process trains this table.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a prototype table.
    #[error("{} is not a prototype table", path.display())]
    NotATable {
        /// The file.
        path: PathBuf,
    },
    /// The file is of another version of the format.
    #[error("{} has format version {found}, this library reads {expected}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Version of the file.
        found: u32,
        /// Version that is read.
        expected: u32,
    },
    /// A part of a file does not match its checksum or its length.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The damaged part.
        what: String,
    },
    /// The state asked for is not kept.
    #[error(
        "{} keeps the states of steps {last} and {previous}, not that of step {asked}", path.display()
    )]
    Step {
        /// The file.
        path: PathBuf,
        /// Step asked for.
        asked: u64,
        /// Step of the last checkpoint.
        last: u64,
        /// Step of the checkpoint before.
        previous: u64,
    },
    /// A tensor cannot be brought to the host.
    #[error("the device refuses to hand over the embeddings: {reason}")]
    Device {
        /// What the device says.
        reason: String,
    },
}

impl TableError {
    pub(super) fn io(path: &Path) -> impl Fn(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            path: path.clone(),
            source,
        }
    }

    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_path_buf(),
            what: what.into(),
        }
    }
}
