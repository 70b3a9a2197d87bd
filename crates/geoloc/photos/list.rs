//! Reading labelled photos.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::datasets::{
    Manifest, ManifestError, PhotoFileError, Sample, decode_map, read_class_folder, read_manifest,
};
use crate::trainer::{Progress, ProgressMode};

/// Photos that are decoded together when files are checked.
const CHUNK: usize = 256;
/// The list of class places in a folder of classes.
const CLASSES: &str = "classes.csv";

/// Which columns of a list say what, and whether files are checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Columns {
    /// Class: a city, a country.
    pub class: String,
    /// Photos that must come into the same part: a day, a sequence, a user.
    pub group: String,
    /// Kind of scene.
    pub scene: String,
    /// Whether each file is decoded once before training, so that bad ones are left out; else the
    /// first bad one ends the training.
    pub check: bool,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            class: "class".into(),
            group: "group".into(),
            scene: "scene".into(),
            check: true,
        }
    }
}

/// A photo file and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledPhoto {
    /// Where it was taken, its file, and all columns of the list.
    pub sample: Sample,
    /// Its class.
    pub class: Option<String>,
    /// What it must stay together with.
    pub group: Option<String>,
    /// What kind of scene it shows.
    pub scene: Option<String>,
}

/// The good photos of a data set, and what is wrong with the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PhotoList {
    /// Good photos.
    pub photos: Vec<LabelledPhoto>,
    /// What was left out, and why, one line each.
    pub skipped: Vec<String>,
}

/// Why a data set cannot be read at all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PhotosError {
    /// The list cannot be read.
    #[error("{}: {source}", .path.display())]
    List {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: ManifestError,
    },
    /// A folder cannot be listed.
    #[error(transparent)]
    Folder(#[from] PhotoFileError),
    /// The list lacks a column that was named.
    #[error("{}: there is no column `{column}` for the {what}; there are {known:?}", .path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// What the column would hold.
        what: &'static str,
        /// The name.
        column: String,
        /// Other columns.
        known: Vec<String>,
    },
    /// No photo is left.
    #[error("{}: no photo is left of {}; the first problem: {}", .path.display(), .skipped.len(),
        .skipped.first().map_or("there are none", String::as_str))]
    Empty {
        /// The list or folder.
        path: PathBuf,
        /// What was left out, and why.
        skipped: Vec<String>,
    },
}

/// Reads a CSV file with path, latitude, longitude and whatever columns name, see
/// [`read_manifest`]; or a folder with one folder for each class.
///
/// In a folder, a photo lies where its EXIF data say, or else at the place of its class in the file
/// `classes.csv` there (name, latitude, longitude); photos without either are left out.
///
/// # Errors
///
/// [`PhotosError`]; a bad row or file alone is none.
pub fn read_photos(
    path: impl AsRef<Path>,
    columns: &Columns,
    progress: ProgressMode,
) -> Result<PhotoList, PhotosError> {
    let path = path.as_ref();
    let list = if path.is_dir() {
        of_folder(path, progress)?
    } else {
        of_list(path, columns, progress)?
    };
    if list.photos.is_empty() {
        return Err(PhotosError::Empty {
            path: path.to_owned(),
            skipped: list.skipped,
        });
    }
    Ok(list)
}

fn of_list(path: &Path, columns: &Columns, mode: ProgressMode) -> Result<PhotoList, PhotosError> {
    let manifest = read_manifest(path).map_err(|source| PhotosError::List {
        path: path.to_owned(),
        source,
    })?;
    let mut skipped: Vec<String> = manifest.problems.iter().map(ToString::to_string).collect();
    let defaults = Columns::default();
    let wanted = [
        ("class", &columns.class, &defaults.class),
        ("group", &columns.group, &defaults.group),
        ("scene", &columns.scene, &defaults.scene),
    ];
    if let Some(first) = manifest.samples.first() {
        // A usual name may be missing, one that was asked for may not.
        let missing =
            |(_, name, usual): &(_, &String, &String)| name != usual && !first.has_tag(name);
        if let Some((what, name, _)) = wanted.into_iter().find(missing) {
            return Err(PhotosError::Column {
                path: path.to_owned(),
                what,
                column: name.clone(),
                known: first.tags.keys().cloned().collect(),
            });
        }
    }
    let good = if columns.check {
        let paths: Vec<&Path> = manifest.samples.iter().map(|s| s.path.as_path()).collect();
        let results = decode_each(&paths, mode, |_| ());
        let problem = |r: &Result<(), PhotoFileError>| r.as_ref().err().map(ToString::to_string);
        skipped.extend(results.iter().filter_map(problem));
        results.iter().map(Result::is_ok).collect()
    } else {
        vec![true; manifest.samples.len()]
    };
    let samples = manifest.samples.into_iter().zip(good);
    let photos = samples.filter(|(_, good)| *good).map(|(sample, _)| {
        let tag = |name: &str| sample.tag(name).map(str::to_owned);
        LabelledPhoto {
            class: tag(&columns.class),
            group: tag(&columns.group),
            scene: tag(&columns.scene),
            sample,
        }
    });
    Ok(PhotoList {
        photos: photos.collect(),
        skipped,
    })
}

fn of_folder(root: &Path, mode: ProgressMode) -> Result<PhotoList, PhotosError> {
    let folder = read_class_folder(root)?;
    let list = root.join(CLASSES);
    let places = if list.is_file() {
        read_manifest(&list).map_err(|source| PhotosError::List {
            path: list.clone(),
            source,
        })?
    } else {
        Manifest::default()
    };
    let problems = places.problems.iter();
    let mut skipped: Vec<String> = problems
        .map(|p| format!("{}: {p}", list.display()))
        .collect();
    let passed_over = folder.passed_over.iter().filter(|p| p.path != list);
    skipped.extend(passed_over.map(ToString::to_string));
    let of_class = |class: &str| {
        let mut samples = places.samples.iter();
        samples.find(|s| s.id == class).map(|s| s.location)
    };
    let paths: Vec<&Path> = folder.items.iter().map(|(p, _)| p.as_path()).collect();
    let located = decode_each(&paths, mode, |photo| photo.exif_location().clone());
    let (mut photos, mut empty) = (Vec::new(), BTreeSet::new());
    for ((path, class), located) in folder.items.iter().zip(located) {
        let class = folder.classes.get(*class).cloned().unwrap_or_default();
        let located = match located {
            Ok(located) => located,
            Err(e) => {
                skipped.push(e.to_string());
                continue;
            }
        };
        let Some(location) = located.location().or_else(|| of_class(&class)) else {
            empty.insert(class);
            let reason = located.problem().unwrap_or("no place");
            skipped.push(format!("{}: {reason}", path.display()));
            continue;
        };
        let id = path.strip_prefix(root).unwrap_or(path);
        photos.push(LabelledPhoto {
            sample: Sample {
                id: id.to_string_lossy().into_owned(),
                path: path.clone(),
                location,
                tags: [("class".to_owned(), class.clone())].into(),
            },
            class: Some(class),
            group: None,
            scene: None,
        });
    }
    for class in empty {
        skipped.push(format!(
            "class {class}: no place in {} for its photos without EXIF places",
            list.display()
        ));
    }
    Ok(PhotoList { photos, skipped })
}

/// Decodes all files with progress and makes something of each.
fn decode_each<T: Send>(
    paths: &[&Path],
    mode: ProgressMode,
    make: impl Fn(&crate::datasets::Photo) -> T + Sync,
) -> Vec<Result<T, PhotoFileError>> {
    let total = paths.len() as u64;
    let mut progress = Progress::new(mode, "photos", 0, total);
    let mut results = Vec::with_capacity(paths.len());
    for chunk in paths.chunks(CHUNK) {
        results.extend(decode_map(chunk, |_, photo| make(&photo)));
        progress.advance(results.len() as u64, total);
    }
    progress.finish();
    results
}
