//! The rows of a build on the disk: four columns and the journal.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::AddError;
use crate::Rows;
use crate::row_table::{MAX_ROWS, RowSlices, place_columns};
use crate::store::{StoreError, map_file, release, scattered};

use super::journal::{Header, Journal, Record};

/// Rows after which a checkpoint is made.
const CHECKPOINT_ROWS: usize = 65_536;
const NAMES: [&str; 4] = ["vectors", "ids", "cells", "locations"];

/// The folder of an unfinished build.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    dim: usize,
    files: [BufWriter<File>; 4],
    sums: [Sum; 4],
    journal: Journal,
    rows: usize,
    placed: usize,
    next_id: u64,
}

/// The checksum of what a column gains between checkpoints.
struct Sum(Xxh3);

impl std::fmt::Debug for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sum({:#x})", self.0.digest())
    }
}

/// Bytes a row takes in each column.
fn widths(dim: usize) -> [usize; 4] {
    [4 * dim, 8, 8, 16]
}

impl Spool {
    /// Opens or starts the folder; what was not committed is cut off.
    pub(super) fn open(folder: &Path, header: &Header) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(StoreError::io(folder))?;
        let journal = Journal::open(&folder.join("journal"), header)?;
        let last = journal.records.last().copied();
        let rows = last.map_or(0, |r| r.rows);
        let open = |i: usize| -> Result<BufWriter<File>, StoreError> {
            let path = folder.join(NAMES[i]);
            let failed = || StoreError::io(&path);
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(failed())?;
            let wanted = (rows * widths(header.dim)[i]) as u64;
            if file.metadata().map_err(failed())?.len() < wanted {
                return Err(StoreError::inconsistent(&path, "column"));
            }
            file.set_len(wanted).map_err(failed())?;
            file.seek(SeekFrom::End(0)).map_err(failed())?;
            Ok(BufWriter::with_capacity(1 << 20, file))
        };
        Ok(Self {
            folder: folder.to_path_buf(),
            dim: header.dim,
            files: [open(0)?, open(1)?, open(2)?, open(3)?],
            sums: std::array::from_fn(|_| Sum(Xxh3::new())),
            journal,
            rows,
            placed: last.map_or(0, |r| r.placed),
            next_id: last.map_or(0, |r| r.next_id),
        })
    }

    pub(super) fn committed(&self) -> usize {
        self.journal.records.last().map_or(0, |r| r.rows)
    }

    pub(super) fn next_id(&self) -> u64 {
        self.next_id
    }

    pub(super) fn add(&mut self, rows: &Rows<'_>) -> Result<(), StoreError> {
        let n = rows.check(self.dim)?;
        let last_free = self.next_id.checked_add(n as u64);
        if self.rows + n > MAX_ROWS || (rows.ids.is_none() && last_free.is_none()) {
            return Err(AddError::Full { max: MAX_ROWS }.into());
        }
        for at in 0..n {
            let vector = rows.vectors.get(at * self.dim..(at + 1) * self.dim);
            let id = match rows.ids.and_then(|ids| ids.get(at)) {
                Some(&id) => id,
                None => self.next_id,
            };
            self.next_id = self.next_id.max(id.saturating_add(1));
            let place = rows.places.and_then(|places| places.get(at));
            let (cell, location) = place.map_or((0, [f64::NAN; 2]), place_columns);
            self.write(0, bytemuck::cast_slice(vector.unwrap_or(&[])))?;
            self.write(1, &id.to_le_bytes())?;
            self.write(2, &cell.to_le_bytes())?;
            self.write(3, bytemuck::cast_slice(&location))?;
            self.rows += 1;
            self.placed += usize::from(place.is_some());
            if self.rows - self.committed() >= CHECKPOINT_ROWS {
                self.checkpoint()?;
            }
        }
        Ok(())
    }

    fn write(&mut self, column: usize, bytes: &[u8]) -> Result<(), StoreError> {
        if let (Some(file), Some(sum)) = (self.files.get_mut(column), self.sums.get_mut(column)) {
            sum.0.update(bytes);
            file.write_all(bytes)
                .map_err(StoreError::io(&self.folder))?;
        }
        Ok(())
    }

    pub(super) fn checkpoint(&mut self) -> Result<(), StoreError> {
        if self.rows == self.committed() {
            return Ok(());
        }
        for file in &mut self.files {
            file.flush()
                .and_then(|()| file.get_ref().sync_data())
                .map_err(StoreError::io(&self.folder))?;
        }
        let sums = std::array::from_fn(|i| self.sums[i].0.digest());
        self.journal.commit(Record {
            rows: self.rows,
            placed: self.placed,
            next_id: self.next_id,
            sums,
        })?;
        self.sums = std::array::from_fn(|_| Sum(Xxh3::new()));
        Ok(())
    }

    /// Maps the columns.
    pub(super) fn map(&self) -> Result<Stored, StoreError> {
        let map = |i: usize| -> Result<Option<Mmap>, StoreError> {
            if self.rows == 0 {
                return Ok(None);
            }
            let path = self.folder.join(NAMES[i]);
            let file = File::open(&path).map_err(StoreError::io(&path))?;
            let map = map_file(&file).map_err(StoreError::io(&path))?;
            // Sorting reads rows in any order.
            scattered(&map, 0..map.len());
            Ok(Some(map))
        };
        Ok(Stored {
            columns: [map(0)?, map(1)?, map(2)?, map(3)?],
        })
    }

    /// Removes the folder.
    pub(super) fn discard(self) -> Result<(), StoreError> {
        std::fs::remove_dir_all(&self.folder).map_err(StoreError::io(&self.folder))
    }
}

/// The mapped columns of a spool.
pub(super) struct Stored {
    columns: [Option<Mmap>; 4],
}

impl Stored {
    fn bytes(&self, column: usize) -> &[u8] {
        self.columns
            .get(column)
            .and_then(Option::as_deref)
            .unwrap_or(&[])
    }

    /// Compares every column with the checksums of the journal.
    pub(super) fn check(&self, spool: &Spool) -> Result<(), StoreError> {
        let mut from = 0;
        for record in &spool.journal.records {
            for (column, width) in widths(spool.dim).into_iter().enumerate() {
                let bytes = self.bytes(column).get(from * width..record.rows * width);
                if bytes.map(xxh3_64) != record.sums.get(column).copied() {
                    let rows =
                        format!("rows {from} to {} of column {}", record.rows, NAMES[column]);
                    return Err(StoreError::inconsistent(&spool.folder, rows));
                }
            }
            from = record.rows;
            self.columns.iter().flatten().for_each(release);
        }
        Ok(())
    }

    pub(super) fn slices(&self, spool: &Spool) -> RowSlices<'_> {
        RowSlices {
            dim: spool.dim,
            vectors: bytemuck::try_cast_slice(self.bytes(0)).unwrap_or(&[]),
            ids: bytemuck::try_cast_slice(self.bytes(1)).unwrap_or(&[]),
            cells: bytemuck::try_cast_slice(self.bytes(2)).unwrap_or(&[]),
            locations: bytemuck::try_cast_slice(self.bytes(3)).unwrap_or(&[]),
            placed: spool.placed,
            map: self.columns[0].as_ref(),
        }
    }
}
