//! The photos of a folder, and what else lies there.

use std::path::{Path, PathBuf};

use geoloc::datasets::{PassReason, list_images};
use serde_json::{Value, json};

use crate::program::Failure;

/// How much was passed over in all folders; hidden files are not counted.
#[derive(Debug, Default)]
pub(crate) struct PassedOver {
    other_formats: usize,
    subfolders: usize,
    no_files: usize,
}

impl PassedOver {
    pub(crate) fn json(&self) -> Value {
        json!({
            "files_of_other_formats": self.other_formats, "subfolders": self.subfolders,
            "no_files": self.no_files,
        })
    }
}

/// The photos directly inside a folder, sorted; what is not read is added to `passed_over` and told.
pub(crate) fn photos_of(
    folder: &Path,
    passed_over: &mut PassedOver,
) -> Result<Vec<PathBuf>, Failure> {
    let found = list_images(folder)?;
    for passed in found.passed_over.iter() {
        let count = match passed.reason {
            PassReason::OtherFormat => &mut passed_over.other_formats,
            PassReason::Subfolder => &mut passed_over.subfolders,
            _ => &mut passed_over.no_files,
        };
        *count += 1;
    }
    let there = &found.passed_over;
    if found.photos.is_empty() {
        return Err(format!("{}: holds no images, but {there}", folder.display()).into());
    }
    if !there.is_empty() {
        errln!("{}: passed over {there}", folder.display());
    }
    Ok(found.photos)
}
