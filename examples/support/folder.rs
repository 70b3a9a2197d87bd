//! The photos of a folder, and what else lies there.

use std::fmt;
use std::path::{Path, PathBuf};

use geoloc::datasets::list_images;
use serde_json::{Value, json};

use crate::program::{Failure, at};

/// Names that are shown of each kind.
const SHOWN: usize = 3;

/// What lies in folders and is not read; hidden files are not counted.
#[derive(Debug, Default)]
pub(crate) struct PassedOver {
    other_formats: Kind,
    subfolders: Kind,
    no_files: Kind,
}

#[derive(Debug, Default)]
struct Kind {
    count: usize,
    first: Vec<String>,
}

impl Kind {
    fn add(&mut self, name: &str) {
        self.count += 1;
        if self.first.len() < SHOWN {
            self.first.push(name.to_owned());
        }
    }
}

impl PassedOver {
    pub(crate) fn is_empty(&self) -> bool {
        self.kinds().iter().all(|(.., kind)| kind.count == 0)
    }

    fn kinds(&self) -> [(&'static str, &'static str, &Kind); 3] {
        [
            (
                "file of another format",
                "files of other formats",
                &self.other_formats,
            ),
            ("subfolder", "subfolders", &self.subfolders),
            (
                "link to nothing or special file",
                "links to nothing or special files",
                &self.no_files,
            ),
        ]
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "files_of_other_formats": self.other_formats.count,
            "subfolders": self.subfolders.count,
            "no_files": self.no_files.count,
        })
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = "";
        for (one, many, kind) in self.kinds() {
            if kind.count > 0 {
                let more = if kind.count > kind.first.len() {
                    ", ..."
                } else {
                    ""
                };
                let first = kind.first.join(", ");
                let what = if kind.count == 1 { one } else { many };
                write!(f, "{before}{} {what} ({first}{more})", kind.count)?;
                before = ", ";
            }
        }
        Ok(())
    }
}

/// The photos directly inside a folder, sorted; what is not read is added to `passed_over` and told.
pub(crate) fn photos_of(
    folder: &Path,
    passed_over: &mut PassedOver,
) -> Result<Vec<PathBuf>, Failure> {
    let photos = list_images(folder)?;
    let mut here = PassedOver::default();
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(at(folder))?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()
        .map_err(at(folder))?;
    entries.sort();
    for path in entries {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with('.') || photos.binary_search(&path).is_ok() {
            continue;
        }
        for all in [&mut here, &mut *passed_over] {
            if path.is_dir() {
                all.subfolders.add(&name);
            } else if path.is_file() {
                all.other_formats.add(&name);
            } else {
                all.no_files.add(&name);
            }
        }
    }
    if photos.is_empty() {
        let there = if here.is_empty() {
            "nothing".to_owned()
        } else {
            here.to_string()
        };
        return Err(format!("{}: holds no images, but {there}", folder.display()).into());
    }
    if !here.is_empty() {
        errln!("{}: passed over {here}", folder.display());
    }
    Ok(photos)
}
