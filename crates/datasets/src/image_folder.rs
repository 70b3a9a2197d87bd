//! Listing the photos of a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::ErrorKind;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::photo::file_error;
use crate::photo_error::PhotoFileError;

/// Endings of the formats that [`decode_photo`](crate::decode_photo) reads.
const ENDINGS: [&str; 7] = ["jpg", "jpeg", "jpe", "jfif", "png", "gif", "webp"];

/// The photos of a folder, and what else is in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageFolder {
    /// The image files, sorted by name.
    pub photos: Vec<PathBuf>,
    /// What was passed over, and why.
    pub passed_over: PassedOver,
}

/// What was passed over in a folder, sorted by path.
///
/// Printed, it is one line with totals: `4 files of other formats (3 .heic, 1 .mov), 2 subfolders`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PassedOver(Vec<PassedPath>);

/// A path that was passed over.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}: {reason}", path.display())]
pub struct PassedPath {
    /// The path.
    pub path: PathBuf,
    /// Why.
    pub reason: PassReason,
}

/// Why a path was passed over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Error)]
#[non_exhaustive]
pub enum PassReason {
    /// The name does not end like an image format that is read.
    #[error("not named like a JPEG, PNG, GIF or WebP file")]
    OtherFormat,
    /// A folder inside the folder.
    #[error("a subfolder, which is not searched")]
    Subfolder,
    /// A link to a file that does not exist.
    #[error("a link to nothing")]
    DanglingLink,
    /// A device, a pipe or a socket.
    #[error("not a regular file")]
    NotRegular,
    /// The file system refuses.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// A photo beside the folders of classes.
    #[error("a photo in no folder of a class")]
    NoClass,
    /// A folder that was reached before, by another path.
    #[error("a folder that was listed before under another name")]
    ListedBefore,
}

impl Deref for PassedOver {
    type Target = [PassedPath];
    fn deref(&self) -> &[PassedPath] {
        &self.0
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kinds: BTreeMap<u8, (usize, &str, &str)> = BTreeMap::new();
        let mut endings: BTreeMap<String, usize> = BTreeMap::new();
        for passed in self.iter() {
            let (rank, one, many) = match passed.reason {
                PassReason::OtherFormat => {
                    *endings.entry(ending(&passed.path)).or_default() += 1;
                    (0, "file of another format", "files of other formats")
                }
                PassReason::Subfolder => (1, "subfolder", "subfolders"),
                PassReason::DanglingLink => (2, "link to nothing", "links to nothing"),
                PassReason::NotRegular => (3, "special file", "special files"),
                PassReason::Unreadable(_) => (4, "unreadable path", "unreadable paths"),
                PassReason::NoClass => (5, "photo without a class", "photos without a class"),
                PassReason::ListedBefore => (6, "folder listed before", "folders listed before"),
            };
            kinds.entry(rank).or_insert((0, one, many)).0 += 1;
        }
        if kinds.is_empty() {
            return f.write_str("nothing");
        }
        for (k, (rank, (count, one, many))) in kinds.iter().enumerate() {
            let comma = if k == 0 { "" } else { ", " };
            write!(f, "{comma}{count} {}", if *count == 1 { one } else { many })?;
            if *rank == 0 {
                let shown: Vec<String> = endings.iter().map(|(e, n)| format!("{n} {e}")).collect();
                write!(f, " ({})", shown.join(", "))?;
            }
        }
        Ok(())
    }
}

/// `.heic`, or a word for names without an ending.
fn ending(path: &Path) -> String {
    path.extension().map_or_else(
        || "without ending".to_owned(),
        |ending| format!(".{}", ending.to_string_lossy().to_lowercase()),
    )
}

/// The image files directly inside a folder, sorted by name: those whose name ends like a format that
/// [`decode_photo`](crate::decode_photo) reads.
///
/// Everything else is counted in [`ImageFolder::passed_over`], but for hidden files and folders, which
/// begin with a dot. Subfolders are not searched: list them one by one, or see
/// [`read_class_folder`](crate::read_class_folder).
///
/// # Errors
///
/// [`PhotoFileError`] with the folder's path if it cannot be listed.
pub fn list_images(folder: impl AsRef<Path>) -> Result<ImageFolder, PhotoFileError> {
    let mut found = Search::default();
    let mut photos = Vec::new();
    for path in entries(folder.as_ref())? {
        match found.kind(&path) {
            Some(Kind::Photo) => photos.push(path),
            Some(Kind::Folder) => found.pass(path, PassReason::Subfolder),
            None => {}
        }
    }
    Ok(ImageFolder {
        photos,
        passed_over: found.finish(),
    })
}

/// What an entry of a folder is, if it is of use.
pub(crate) enum Kind {
    Photo,
    Folder,
}

/// The entries of a folder that are not hidden, sorted.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, PhotoFileError> {
    let failed = |error: std::io::Error| PhotoFileError {
        path: folder.to_path_buf(),
        source: file_error(error),
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// A walk through folders that notes what it passes over.
#[derive(Debug, Default)]
pub(crate) struct Search {
    passed: Vec<PassedPath>,
    folders: BTreeSet<PathBuf>,
}

impl Search {
    /// What `path` is; notes it if it is passed over.
    pub(crate) fn kind(&mut self, path: &Path) -> Option<Kind> {
        let reason = match std::fs::metadata(path) {
            Ok(meta) if meta.is_dir() => return Some(Kind::Folder),
            Ok(meta) if !meta.is_file() => PassReason::NotRegular,
            Ok(_) => {
                let ending = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
                if ending.is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known)) {
                    return Some(Kind::Photo);
                }
                PassReason::OtherFormat
            }
            Err(e) if e.kind() == ErrorKind::NotFound => PassReason::DanglingLink,
            Err(e) => PassReason::Unreadable(e.to_string()),
        };
        self.pass(path.to_path_buf(), reason);
        None
    }

    pub(crate) fn pass(&mut self, path: PathBuf, reason: PassReason) {
        self.passed.push(PassedPath { path, reason });
    }

    /// Adds the photos inside a folder and its subfolders, which are taken once each.
    pub(crate) fn photos_below(&mut self, folder: PathBuf, photos: &mut Vec<PathBuf>) {
        let mut open = vec![folder];
        while let Some(folder) = open.pop() {
            let new = std::fs::canonicalize(&folder).map(|resolved| self.folders.insert(resolved));
            let entries = match new {
                Ok(true) => entries(&folder).map_err(|e| e.source.to_string()),
                Ok(false) => {
                    self.pass(folder, PassReason::ListedBefore);
                    continue;
                }
                Err(e) => Err(e.to_string()),
            };
            match entries {
                Ok(entries) => {
                    for path in entries {
                        match self.kind(&path) {
                            Some(Kind::Photo) => photos.push(path),
                            Some(Kind::Folder) => open.push(path),
                            None => {}
                        }
                    }
                }
                Err(reason) => self.pass(folder, PassReason::Unreadable(reason)),
            }
        }
    }

    pub(crate) fn finish(mut self) -> PassedOver {
        self.passed.sort_by(|a, b| a.path.cmp(&b.path));
        PassedOver(self.passed)
    }
}
