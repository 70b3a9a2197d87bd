//! Appending rows.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use burn::tensor::{Tensor, f16};
use geoloc_core::Features;
use sha2::{Digest, Sha256};

use super::layout::{COUNT_AT, HASH_AT, Header, MAGIC, ROWS_AT, damaged, io};
use super::{FeatureFile, FeatureFileError, FeatureKey, FeatureLayout, Precision};

/// A feature file that is being written.
#[derive(Debug)]
pub struct FeatureWriter {
    path: PathBuf,
    file: File,
    layout: FeatureLayout,
    done: u64,
}

impl FeatureWriter {
    /// Creates the file, or goes on with one that was cut off. [`done`](Self::done) says at which
    /// row.
    ///
    /// # Errors
    ///
    /// [`FeatureFileError`]: the file cannot be written, is damaged, is being written by another
    /// process, or is of another key or layout.
    pub fn open(
        path: impl AsRef<Path>,
        key: FeatureKey,
        layout: FeatureLayout,
    ) -> Result<Self, FeatureFileError> {
        let path = path.as_ref();
        if layout.file_bytes().is_none() {
            return Err(FeatureFileError::Shape {
                path: path.to_path_buf(),
                expected: "a file whose bytes can be counted".into(),
                found: format!("{layout:?}"),
            });
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| io(folder, e))?;
        }
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(|e| io(path, e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(FeatureFileError::Busy {
                    path: path.to_path_buf(),
                });
            }
            Err(TryLockError::Error(e)) => return Err(io(path, e)),
        }
        let header = Header { key, layout };
        let length = file.seek(SeekFrom::End(0)).map_err(|e| io(path, e))?;
        let mut done = 0;
        // A file shorter than its header was cut off while it was created, if it begins as one.
        if length < ROWS_AT {
            let mut start = [0; 8];
            let start = &mut start[..length.min(8) as usize];
            file.seek(SeekFrom::Start(0))
                .and_then(|_| file.read_exact(start))
                .map_err(|e| io(path, e))?;
            if !MAGIC.starts_with(start) && start.iter().any(|&b| b != 0) {
                return Err(damaged(
                    path,
                    "it does not begin as one, and is left as it is",
                ));
            }
            let bytes = header.to_bytes(path)?;
            write_at(path, &mut file, 0, &bytes)?;
        } else {
            let mut bytes = vec![0; ROWS_AT as usize];
            file.seek(SeekFrom::Start(0))
                .and_then(|_| file.read_exact(&mut bytes))
                .map_err(|e| io(path, e))?;
            let (found, count, _) = Header::from_bytes(path, &bytes)?;
            found.expect(path, &header)?;
            let rows = count.checked_mul(layout.row_bytes() as u64);
            if count > layout.rows
                || rows
                    .and_then(|rows| rows.checked_add(ROWS_AT))
                    .is_none_or(|end| length < end)
            {
                return Err(damaged(path, "rows that it counts are missing"));
            }
            done = count;
        }
        Ok(Self {
            path: path.to_path_buf(),
            file,
            layout,
            done,
        })
    }

    /// Number of rows that are safely written.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Appends the rows of a batch. Once it returns they outlive a crash of the process or of the
    /// machine.
    ///
    /// # Errors
    ///
    /// [`FeatureFileError`]; no row of the batch counts then.
    pub fn append(&mut self, features: Features) -> Result<(), FeatureFileError> {
        let spec = self.layout.spec;
        let [rows, width] = features.pooled.dims();
        let shape = |expected: String, found: String| FeatureFileError::Shape {
            path: self.path.clone(),
            expected,
            found,
        };
        if width != spec.width {
            return Err(shape(format!("width {}", spec.width), width.to_string()));
        }
        if self.done + rows as u64 > self.layout.rows {
            let found = format!("row {}", self.done + rows as u64);
            return Err(shape(format!("{} rows", self.layout.rows), found));
        }
        let pooled = numbers(features.pooled)?;
        let tokens = match (spec.grid, features.tokens) {
            (None, _) => Vec::new(),
            (Some(_), Some(tokens)) if tokens.dims() == [rows, spec.tokens(), width] => {
                numbers(tokens)?
            }
            (Some(_), other) => {
                let found = other.map_or("none".into(), |t| format!("{:?}", t.dims()));
                return Err(shape(format!("{} tokens", spec.tokens()), found));
            }
        };
        let mut bytes = Vec::with_capacity(rows * self.layout.row_bytes());
        let per_row = spec.tokens() * width;
        for (row, pooled) in pooled.chunks_exact(width).enumerate() {
            // Without a grid there are none, and no row of them has a length.
            let Some(tokens) = tokens.get(row * per_row..(row + 1) * per_row) else {
                return Err(shape(format!("{per_row} numbers"), format!("row {row}")));
            };
            for &value in pooled.iter().chain(tokens) {
                let stored = match self.layout.precision {
                    Precision::F32 => {
                        bytes.extend(value.to_le_bytes());
                        value
                    }
                    Precision::F16 => {
                        let half = f16::from_f32(value);
                        bytes.extend(half.to_le_bytes());
                        half.to_f32()
                    }
                };
                if !stored.is_finite() {
                    return Err(FeatureFileError::NotFinite {
                        path: self.path.clone(),
                        row: self.done + row as u64,
                        value,
                    });
                }
            }
        }
        let at = ROWS_AT + self.done * self.layout.row_bytes() as u64;
        write_at(&self.path, &mut self.file, at, &bytes)?;
        // The count is written after the rows are on the disk, so that it never counts too many.
        let done = self.done + rows as u64;
        write_at(&self.path, &mut self.file, COUNT_AT, &done.to_le_bytes())?;
        self.done = done;
        Ok(())
    }

    /// Closes a whole file with its checksum and opens it for reading.
    ///
    /// # Errors
    ///
    /// [`FeatureFileError::Damaged`] if rows are missing.
    pub fn finish(mut self) -> Result<FeatureFile, FeatureFileError> {
        if self.done < self.layout.rows {
            let reason = format!("{} of {} rows are written", self.done, self.layout.rows);
            return Err(damaged(&self.path, reason));
        }
        let end = ROWS_AT + self.done * self.layout.row_bytes() as u64;
        self.file.set_len(end).map_err(|e| io(&self.path, e))?;
        let mut hash = Sha256::new();
        self.file
            .seek(SeekFrom::Start(ROWS_AT))
            .and_then(|_| std::io::copy(&mut self.file, &mut hash))
            .map_err(|e| io(&self.path, e))?;
        write_at(&self.path, &mut self.file, HASH_AT, &hash.finalize())?;
        let path = self.path.clone();
        drop(self);
        FeatureFile::open(path)
    }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, FeatureFileError> {
    tensor
        .try_into_vec_as::<f32>()
        .map_err(|e| FeatureFileError::Device {
            reason: e.to_string(),
        })
}

fn write_at(path: &Path, file: &mut File, at: u64, bytes: &[u8]) -> Result<(), FeatureFileError> {
    file.seek(SeekFrom::Start(at))
        .and_then(|_| file.write_all(bytes))
        .and_then(|()| file.sync_data())
        .map_err(|e| io(path, e))
}
