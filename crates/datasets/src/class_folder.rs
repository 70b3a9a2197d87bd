//! Photos sorted into one folder for each class.

use std::path::{Path, PathBuf};

use crate::image_folder::{Kind, PassReason, PassedOver, Search, entries};
use crate::photo_error::PhotoFileError;

/// Photos in folders that are named after their classes (countries, cities, scenes).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassFolder {
    /// Names of the folders, sorted.
    pub classes: Vec<String>,
    /// Each photo with the rank of its class in [`classes`](Self::classes), sorted by class, then path.
    pub items: Vec<(PathBuf, usize)>,
    /// What was passed over, and why.
    pub passed_over: PassedOver,
}

/// Lists the photos of `root/CLASS` and of its subfolders, however deep: `root/CLASS/day/PHOTO` is of
/// the class `CLASS` too, as in other libraries.
///
/// Classes without photos are kept. Photos directly in `root`, other files, and folders that are reached
/// a second time through a link are passed over; hidden files and folders are left out.
///
/// # Errors
///
/// [`PhotoFileError`] if `root` cannot be listed; folders inside that cannot be are passed over.
pub fn read_class_folder(root: impl AsRef<Path>) -> Result<ClassFolder, PhotoFileError> {
    let mut search = Search::default();
    let mut out = ClassFolder::default();
    for path in entries(root.as_ref())? {
        match search.kind(&path) {
            Some(Kind::Folder) => {
                let class = out.classes.len();
                let name = path.file_name().map(std::ffi::OsStr::to_string_lossy);
                out.classes.extend(name.map(String::from));
                let mut photos = Vec::new();
                search.photos_below(path, &mut photos);
                photos.sort();
                out.items
                    .extend(photos.into_iter().map(|photo| (photo, class)));
            }
            Some(Kind::Photo) => search.pass(path, PassReason::NoClass),
            None => {}
        }
    }
    out.passed_over = search.finish();
    Ok(out)
}
