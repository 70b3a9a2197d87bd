//! What a build was begun with, and what became of each photo, recorded in the folder of the unfinished
//! build. Both go with that folder once the index is finished.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use geoloc::job::{JobInput, JobRecord};
use geoloc::output::write_whole;
use geoloc::retrieval::IndexBuilder;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::program::{Failure, at};

/// What the build was begun with.
const INPUT: &str = "input.json";
/// What became of each photo.
const LOG: &str = "rows.log";

/// Removes what is left of the folder once the index is finished. The next build does it too.
pub(crate) fn clear(index: &Path) {
    let folder = folder_of(index);
    for name in [INPUT, LOG] {
        let _ = std::fs::remove_file(folder.join(name));
    }
    let _ = std::fs::remove_dir(folder);
}

/// The folder of the unfinished build of an index.
pub(crate) fn folder_of(index: &Path) -> PathBuf {
    let mut name = index.file_name().unwrap_or_default().to_os_string();
    name.push(".building");
    index.with_file_name(name)
}

/// Refuses to resume a build that was begun with something else.
pub(crate) fn check(
    builder: &IndexBuilder,
    index: &Path,
    record: &JobRecord,
) -> Result<(), Failure> {
    let folder = folder_of(index);
    let path = folder.join(INPUT);
    if builder.next_id() == 0 {
        // There is no row yet: whatever the folder was made for, nothing of it is left.
        record.write(&path)?;
        return Ok(());
    }
    if !path.exists() {
        let folder = folder.display();
        return Err(format!(
            "{folder}: an unfinished build that does not say what it was begun with; name another \
             index, or remove {folder} to start anew"
        )
        .into());
    }
    errln!("resumed after row {}", builder.next_id() - 1);
    Ok(record.check(&path, &folder)?)
}

/// What became of one photo, or of the rows of a matrix up to one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) row: u64,
    /// SHA-256 of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
    /// Why it is not in the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) left_out: Option<String>,
}

/// One line for each photo, written before the rows count as built.
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    done: BTreeMap<u64, Done>,
}

impl Log {
    /// Opens the log and drops what belongs to rows that are not in the build.
    pub(crate) fn open(builder: &IndexBuilder, index: &Path) -> Result<Self, Failure> {
        let path = folder_of(index).join(LOG);
        let text = match std::fs::read_to_string(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.map_err(at(&path))?,
        };
        // The last line may be cut off; its rows do not count either.
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let done: BTreeMap<u64, Done> = lines
            .map(|done: Done| (done.row, done))
            .filter(|(row, _)| *row < builder.next_id())
            .collect();
        let mut kept = String::new();
        for done in done.values() {
            kept += &(serde_json::to_string(done)? + "\n");
        }
        if kept.is_empty() {
            File::create(&path).map_err(at(&path))?;
        } else {
            write_whole(&path, kept.as_bytes())?;
        }
        let file = File::options()
            .append(true)
            .open(&path)
            .map_err(at(&path))?;
        Ok(Self { path, file, done })
    }

    /// What was done before this call, by row.
    pub(crate) fn before(&self) -> &BTreeMap<u64, Done> {
        &self.done
    }

    pub(crate) fn append(&mut self, all: &[Done]) -> Result<(), Failure> {
        let mut text = String::new();
        for done in all {
            text += &(serde_json::to_string(done)? + "\n");
        }
        let written = self.file.write_all(text.as_bytes());
        written
            .and_then(|()| self.file.sync_data())
            .map_err(at(&self.path))
    }
}

/// The content of a file, as the log keeps it; none if it cannot be read.
pub(crate) fn content(path: &Path) -> Option<String> {
    let input = JobInput::new("", Value::Null).with_content_of(path).ok()?;
    input.sha256
}
