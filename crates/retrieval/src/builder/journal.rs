//! How far a build is safely on the disk: one JSON object a line, only ever appended to.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::store::StoreError;

use super::IndexKind;

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) dim: usize,
    pub(super) kind: IndexKind,
    /// What makes the vectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) embedding: Option<String>,
}

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

/// The journal of one build.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    pub(super) records: Vec<Record>,
}

impl Journal {
    /// Opens or starts a journal. A last line that was cut off is dropped.
    pub(super) fn open(path: &Path, header: &Header) -> Result<Self, StoreError> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(StoreError::io(path))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(StoreError::io(path))?;
        let whole = text
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |at| at + 1);
        file.set_len(whole as u64).map_err(StoreError::io(path))?;
        text.truncate(whole);
        let mut journal = Self {
            file,
            path: path.to_path_buf(),
            records: Vec::new(),
        };
        let mut lines = text.split(|&b| b == b'\n').filter(|line| !line.is_empty());
        let damaged = || StoreError::inconsistent(path, "journal");
        match lines.next() {
            None => journal.line(header)?,
            Some(line) => {
                let found: Header = serde_json::from_slice(line).map_err(|_| damaged())?;
                if found != *header {
                    return Err(StoreError::OtherBuild {
                        folder: path.parent().unwrap_or(path).to_path_buf(),
                        dim: found.dim,
                    });
                }
            }
        }
        for line in lines {
            let record = serde_json::from_slice(line).map_err(|_| damaged())?;
            journal.records.push(record);
        }
        Ok(journal)
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
