//! What can be wrong with an index file.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::error::{Damage, MemoryError};
use crate::{AddError, FORMAT_VERSION};

/// Why an index file was not read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The system refused.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is no index file, or neither of its headers is whole.
    #[error("{}: no index file, or both of its headers are damaged", file.display())]
    Header {
        /// The file.
        file: PathBuf,
    },
    /// The file was written by a later version of the library.
    #[error("{}: format {found}, but only 1 to {FORMAT_VERSION} are known", file.display())]
    Version {
        /// The file.
        file: PathBuf,
        /// The version found.
        found: u32,
    },
    /// The file holds another kind of index.
    #[error("{}: holds a {found} index, not a {expected} index", file.display())]
    Kind {
        /// The file.
        file: PathBuf,
        /// The kind found.
        found: String,
        /// The kind asked for.
        expected: &'static str,
    },
    /// A part of the file contradicts another or lies past its end.
    #[error("{}: {part} is damaged", file.display())]
    Inconsistent {
        /// The file.
        file: PathBuf,
        /// The part: the manifest, or a section.
        part: String,
    },
    /// A checksum is wrong.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The system did not grant memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The rows to write are malformed.
    #[error(transparent)]
    Rows(#[from] AddError),
    /// The file was replaced or appended to since this index was opened from it or saved to it.
    #[error("{}: changed by another writer since this index was opened", file.display())]
    Stale {
        /// The file.
        file: PathBuf,
    },
    /// Another writer is appending to the file, writing one to put in its place, or building in the folder.
    #[error("{}: another writer is at work on it", file.display())]
    InUse {
        /// The file, or the folder of the build.
        file: PathBuf,
    },
    /// The index was never saved or opened, so there is nothing to append to.
    #[error("the index has no file to append to")]
    NoFile,
    /// An unfinished build has another dimension, kind, embedding or input.
    #[error(
        "{}: an unfinished build whose {what} is {found}, not {asked}; resume it as it was begun, \
         or remove this folder to start anew",
        folder.display()
    )]
    OtherBuild {
        /// The folder of the unfinished build.
        folder: PathBuf,
        /// "dimension", "kind", "embedding" or "input".
        what: &'static str,
        /// Its value in the unfinished build.
        found: String,
        /// The value asked for.
        asked: String,
    },
    /// An unfinished build cannot be resumed.
    #[error(
        "{}: an unfinished build that is damaged ({part}); remove this folder to start anew",
        folder.display()
    )]
    DamagedBuild {
        /// The folder of the unfinished build.
        folder: PathBuf,
        /// What is damaged.
        part: String,
    },
    /// A build without rows writes no file.
    #[error("{}: not written, since no row was added", file.display())]
    NoRows {
        /// The file.
        file: PathBuf,
    },
    /// Files are little endian, and so must be the machine.
    #[error("index files need a little-endian machine")]
    Endianness,
}

impl StoreError {
    pub(crate) fn io(file: &Path) -> impl FnOnce(io::Error) -> Self {
        let file = file.to_path_buf();
        move |source| Self::Io { file, source }
    }

    pub(crate) fn inconsistent(file: &Path, part: impl Into<String>) -> Self {
        Self::Inconsistent {
            file: file.to_path_buf(),
            part: part.into(),
        }
    }

    pub(crate) fn damaged_build(folder: &Path, part: impl Into<String>) -> Self {
        Self::DamagedBuild {
            folder: folder.to_path_buf(),
            part: part.into(),
        }
    }
}
