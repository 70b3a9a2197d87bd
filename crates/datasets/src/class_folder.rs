//! Photos sorted into one folder for each class.

use std::path::{Path, PathBuf};

use crate::list_images;
use crate::photo_error::{PhotoError, PhotoFileError};

/// Photos in folders that are named after their classes (countries, cities, scenes).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassFolder {
    /// Names of the folders, sorted.
    pub classes: Vec<String>,
    /// Each photo with the rank of its class in [`classes`](Self::classes), sorted by class, then name.
    pub items: Vec<(PathBuf, usize)>,
}

/// Lists `root/CLASS/PHOTO`; files directly in `root` and hidden folders are left out, classes
/// without photos are kept.
///
/// # Errors
///
/// [`PhotoFileError`] with the path of the folder that cannot be listed.
pub fn read_class_folder(root: impl AsRef<Path>) -> Result<ClassFolder, PhotoFileError> {
    let root = root.as_ref();
    let failed = |source: std::io::Error| PhotoFileError {
        path: root.to_path_buf(),
        source: PhotoError::Io(source),
    };
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(root).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && !name.starts_with('.') {
            folders.push((name, entry.path()));
        }
    }
    folders.sort();
    let mut out = ClassFolder::default();
    for (class, (name, folder)) in folders.into_iter().enumerate() {
        out.classes.push(name);
        out.items
            .extend(list_images(folder)?.into_iter().map(|path| (path, class)));
    }
    Ok(out)
}
