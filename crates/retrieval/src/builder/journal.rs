//! How far a build is safely on the disk: one JSON object a line, only ever appended to.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::row_table::MAX_ROWS;
use crate::store::{StoreError, lock};

use super::BuildSettings;

/// One checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Rows on the disk.
    pub(super) rows: usize,
    /// Rows with a place among them.
    pub(super) placed: usize,
    pub(super) next_id: u64,
    /// Checksums of what the four columns gained since the checkpoint before.
    pub(super) sums: [u64; 4],
}

/// The journal of one build. Its file is locked as long as it is open, so that a build has one writer.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    pub(super) records: Vec<Record>,
}

impl Journal {
    /// Opens or starts the journal in the folder of a build. A last line that was cut off is dropped.
    pub(super) fn open(folder: &Path, settings: &BuildSettings) -> Result<Self, StoreError> {
        let path = folder.join("journal");
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(StoreError::io(&path))?;
        lock(&file, &path, folder)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(StoreError::io(&path))?;
        let whole = text
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |at| at + 1);
        text.truncate(whole);
        let mut lines = text.split(|&b| b == b'\n').filter(|line| !line.is_empty());
        let damaged = || StoreError::damaged_build(folder, "its journal");
        let first = lines.next();
        if let Some(line) = first {
            let found: BuildSettings = serde_json::from_slice(line).map_err(|_| damaged())?;
            if let Some((what, found, asked)) = settings.difference(&found) {
                return Err(StoreError::OtherBuild {
                    folder: folder.to_path_buf(),
                    what,
                    found,
                    asked,
                });
            }
        }
        let mut records: Vec<Record> = Vec::new();
        for line in lines {
            let record: Record = serde_json::from_slice(line).map_err(|_| damaged())?;
            let before = records.last().map_or((0, 0), |r| (r.rows, r.placed));
            let grows = record.rows > before.0 && record.placed >= before.1;
            if !grows || record.rows > MAX_ROWS || record.placed > record.rows {
                return Err(damaged());
            }
            records.push(record);
        }
        file.set_len(whole as u64).map_err(StoreError::io(&path))?;
        let mut journal = Self {
            file,
            path,
            records,
        };
        if first.is_none() {
            journal.line(settings)?;
        }
        Ok(journal)
    }

    /// Forgets the build: whoever opens the folder from now on starts anew, whatever is left in it.
    pub(super) fn clear(&self) -> Result<(), StoreError> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.sync_data())
            .map_err(StoreError::io(&self.path))
    }

    /// Removes the file. Whoever opens it in that moment is refused, since it is locked.
    pub(super) fn remove(&self) -> Result<(), StoreError> {
        std::fs::remove_file(&self.path).map_err(StoreError::io(&self.path))
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), StoreError> {
        let mut line = serde_json::to_vec(value)
            .map_err(|_| StoreError::inconsistent(&self.path, "journal"))?;
        line.push(b'\n');
        self.file
            .write_all(&line)
            .and_then(|()| self.file.sync_data())
            .map_err(StoreError::io(&self.path))
    }

    pub(super) fn commit(&mut self, record: Record) -> Result<(), StoreError> {
        self.line(&record)?;
        self.records.push(record);
        Ok(())
    }
}
