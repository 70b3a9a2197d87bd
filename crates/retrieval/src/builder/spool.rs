//! The rows of a build on the disk: four columns and the journal.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::AddError;
use crate::Rows;
use crate::row_table::{MAX_ROWS, RowSlices, place_columns};
use crate::store::{StoreError, map_file, release, scattered};

use super::BuildSettings;
use super::journal::{Journal, Record};

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
    /// A write failed: the columns may end in different rows.
    broken: bool,
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
    pub(super) fn open(folder: &Path, settings: &BuildSettings) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(StoreError::io(folder))?;
        let journal = Journal::open(folder, settings)?;
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
            let wanted = (rows * widths(settings.dim)[i]) as u64;
            if file.metadata().map_err(failed())?.len() < wanted {
                let part = format!("its {} are cut short", NAMES[i]);
                return Err(StoreError::damaged_build(folder, part));
            }
            file.set_len(wanted).map_err(failed())?;
            file.seek(SeekFrom::End(0)).map_err(failed())?;
            Ok(BufWriter::with_capacity(1 << 20, file))
        };
        Ok(Self {
            folder: folder.to_path_buf(),
            dim: settings.dim,
            files: [open(0)?, open(1)?, open(2)?, open(3)?],
            sums: std::array::from_fn(|_| Sum(Xxh3::new())),
            journal,
            rows,
            placed: last.map_or(0, |r| r.placed),
            next_id: last.map_or(0, |r| r.next_id),
            broken: false,
        })
    }

    pub(super) fn committed(&self) -> usize {
        self.journal.records.last().map_or(0, |r| r.rows)
    }

    pub(super) fn next_id(&self) -> u64 {
        self.next_id
    }

    pub(super) fn add(&mut self, rows: &Rows<'_>) -> Result<(), StoreError> {
        self.check_whole()?;
        let n = rows.check(self.dim).map_err(|e| e.after_rows(self.rows))?;
        let last_free = self.next_id.checked_add(n as u64);
        if self.rows + n > MAX_ROWS || (rows.ids.is_none() && last_free.is_none()) {
            return Err(AddError::Full { max: MAX_ROWS }.into());
        }
        for (at, vector) in rows.vectors.chunks_exact(self.dim).enumerate() {
            let id = match rows.ids.and_then(|ids| ids.get(at)) {
                Some(&id) => id,
                None => self.next_id,
            };
            self.next_id = self.next_id.max(id.saturating_add(1));
            let place = rows.places.and_then(|places| places.get(at));
            let (cell, location) = place.map_or((0, [f64::NAN; 2]), place_columns);
            self.write(0, bytemuck::cast_slice(vector))?;
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
            if let Err(e) = file.write_all(bytes) {
                self.broken = true;
                return Err(StoreError::io(&self.folder)(e));
            }
        }
        Ok(())
    }

    /// After a failed write nothing more is added or committed.
    fn check_whole(&self) -> Result<(), StoreError> {
        if self.broken {
            let reason =
                "a write failed; open the build again to resume it from its last checkpoint";
            return Err(StoreError::io(&self.folder)(std::io::Error::other(reason)));
        }
        Ok(())
    }

    pub(super) fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.check_whole()?;
        if self.rows == self.committed() {
            return Ok(());
        }
        // Until all of it is on the disk.
        self.broken = true;
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
        self.broken = false;
        self.sums = std::array::from_fn(|_| Sum(Xxh3::new()));
        Ok(())
    }

    /// Maps the columns; there must be rows.
    pub(super) fn map(&self) -> Result<Stored, StoreError> {
        let map = |i: usize| -> Result<Mmap, StoreError> {
            let path = self.folder.join(NAMES[i]);
            let file = File::open(&path).map_err(StoreError::io(&path))?;
            let map = map_file(&file).map_err(StoreError::io(&path))?;
            if map.len() != self.rows * widths(self.dim)[i] {
                let part = format!("its {} are cut short", NAMES[i]);
                return Err(StoreError::damaged_build(&self.folder, part));
            }
            // Sorting reads rows in any order.
            scattered(&map, 0..map.len());
            Ok(map)
        };
        Ok(Stored {
            columns: [map(0)?, map(1)?, map(2)?, map(3)?],
        })
    }

    /// Removes the folder. It stays locked until the journal, its last file, is gone.
    pub(super) fn discard(self) -> Result<(), StoreError> {
        self.journal.clear()?;
        for name in NAMES {
            let path = self.folder.join(name);
            std::fs::remove_file(&path).map_err(StoreError::io(&path))?;
        }
        self.journal.remove()?;
        match std::fs::remove_dir(&self.folder) {
            // The next build is already in it.
            Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
            removed => removed.map_err(StoreError::io(&self.folder)),
        }
    }
}

/// The mapped columns of a spool: vectors, ids, cells and locations.
pub(super) struct Stored {
    columns: [Mmap; 4],
}

impl Stored {
    /// Compares every column with the checksums of the journal.
    pub(super) fn check(&self, spool: &Spool) -> Result<(), StoreError> {
        let mut from = 0;
        for record in &spool.journal.records {
            for (i, width) in widths(spool.dim).into_iter().enumerate() {
                let bytes = self.columns[i].get(from * width..record.rows * width);
                if bytes.map(xxh3_64) != Some(record.sums[i]) {
                    let part = format!("rows {from} to {} of its {}", record.rows, NAMES[i]);
                    return Err(StoreError::damaged_build(&spool.folder, part));
                }
            }
            from = record.rows;
            self.columns.iter().for_each(release);
        }
        Ok(())
    }

    /// The columns as numbers. Maps begin at a page, and [`Spool::map`] compared their lengths with the rows,
    /// so that the casts do not panic.
    pub(super) fn slices(&self, spool: &Spool) -> RowSlices<'_> {
        let [vectors, ids, cells, locations] = &self.columns;
        RowSlices {
            dim: spool.dim,
            vectors: bytemuck::cast_slice(vectors),
            ids: bytemuck::cast_slice(ids),
            cells: bytemuck::cast_slice(cells),
            locations: bytemuck::cast_slice(locations),
            placed: spool.placed,
            map: Some(vectors),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IndexKind;

    #[test]
    fn nothing_is_committed_after_a_failed_write() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("a.building");
        let settings = BuildSettings::new(2, IndexKind::Flat);
        let open = || Spool::open(&folder, &settings).unwrap();
        let rows = Rows::new(&[1.0, 0.0, 0.0, 1.0]);
        let mut spool = open();
        spool.add(&rows).unwrap();
        spool.checkpoint().unwrap();
        // A file that cannot be written to, when the row is added and when it is flushed.
        for capacity in [0, 1 << 10] {
            let ids = File::open(folder.join("ids")).unwrap();
            spool.files[1] = BufWriter::with_capacity(capacity, ids);
            let written = spool.add(&rows).and_then(|()| spool.checkpoint());
            assert!(matches!(written, Err(StoreError::Io { .. })));
            assert!(spool.checkpoint().is_err() && spool.add(&rows).is_err());
            assert_eq!(spool.committed(), 2);
            drop(spool);
            spool = open();
            assert_eq!(spool.committed(), 2);
        }
        spool.add(&rows).unwrap();
        spool.checkpoint().unwrap();
        spool.map().unwrap().check(&spool).unwrap();
    }
}
