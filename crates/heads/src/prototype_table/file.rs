//! Where the bytes of the rows are: memory, or a mapped file with its journals.
#![allow(unsafe_code, reason = "a mapped file can be changed by other programs")]

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use geoloc_geo_cells::CellId;
use memmap2::MmapMut;
use xxhash_rust::xxh3::xxh3_64;

use super::header::{Header, PAGE};
use super::record::record_bytes;
use super::undo::{Undo, roll_back};
use super::{TableConfig, TableError};

/// The records of all rows.
#[derive(Debug)]
pub(super) struct Rows {
    map: MmapMut,
    start: usize,
    record: usize,
    pub(super) file: Option<TableFile>,
}

/// What a table on disk has beside its rows.
#[derive(Debug)]
pub(super) struct TableFile {
    pub(super) path: PathBuf,
    pub(super) header: Header,
    undo: Undo,
    /// Keeps the lock.
    _file: File,
}

impl Rows {
    pub(super) fn in_memory(rows: usize, dim: usize) -> Result<Self, TableError> {
        let record = record_bytes(dim);
        let map = MmapMut::map_anon((rows * record).max(1));
        Ok(Self {
            map: map.map_err(TableError::io(Path::new("memory")))?,
            start: 0,
            record,
            file: None,
        })
    }

    /// Makes a file; it is sparse, and takes room as rows are touched.
    pub(super) fn create(
        path: &Path,
        cells: &[CellId],
        config: TableConfig,
    ) -> Result<Self, TableError> {
        let failed = TableError::io(path);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        let file = options.open(path).map_err(&failed)?;
        lock(&file, path)?;
        let raw: Vec<u8> = cells.iter().flat_map(|c| c.raw().to_le_bytes()).collect();
        let header = Header {
            config,
            rows: cells.len() as u64,
            step: 0,
            previous: 0,
            generation: 0,
            cells_sum: xxh3_64(&raw),
        };
        let start = start_of_rows(cells.len());
        let record = record_bytes(config.dim);
        file.set_len((start + cells.len() * record) as u64)
            .map_err(&failed)?;
        let mut map = map(&file).map_err(&failed)?;
        if let Some(to) = map.get_mut(PAGE..PAGE + raw.len()) {
            to.copy_from_slice(&raw);
        }
        map.flush().map_err(&failed)?;
        // The header comes last: a file without one is not a table.
        if let Some(page) = map.get_mut(..PAGE) {
            header.write(page);
        }
        map.flush_range(0, PAGE).map_err(&failed)?;
        Ok(Self {
            map,
            start,
            record,
            file: Some(TableFile {
                undo: Undo::begin(path, 0, cells.len())?,
                path: path.to_path_buf(),
                header,
                _file: file,
            }),
        })
    }

    /// Opens a file and goes back to a checkpoint: the last one, or that of step `wanted`.
    pub(super) fn open(
        path: &Path,
        wanted: Option<u64>,
    ) -> Result<(Self, Vec<CellId>), TableError> {
        let failed = TableError::io(path);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).open(path).map_err(&failed)?;
        lock(&file, path)?;
        if file.metadata().map_err(&failed)?.len() < PAGE as u64 {
            return Err(TableError::NotATable {
                path: path.to_path_buf(),
            });
        }
        let map = map(&file).map_err(&failed)?;
        let header = Header::read(&map[..PAGE], path)?;
        let (start, record) = (
            start_of_rows(header.rows as usize),
            record_bytes(header.config.dim),
        );
        let length = (header.rows as usize)
            .checked_mul(record)
            .and_then(|l| l.checked_add(start));
        if length != Some(map.len()) {
            return Err(TableError::damaged(path, "length of the file"));
        }
        let raw = &map[PAGE..PAGE + 8 * header.rows as usize];
        if xxh3_64(raw) != header.cells_sum {
            return Err(TableError::damaged(path, "cells"));
        }
        let cell = |b: &[u8]| CellId::try_from(u64::from_le_bytes(*b.first_chunk::<8>()?)).ok();
        let cells: Option<Vec<CellId>> = raw.chunks_exact(8).map(cell).collect();
        let cells = cells.ok_or_else(|| TableError::damaged(path, "cells"))?;
        let undo_rows = cells.len();
        let mut rows = Self {
            map,
            start,
            record,
            file: None,
        };
        let header = rows.go_back(path, header, wanted)?;
        rows.file = Some(TableFile {
            undo: Undo::begin(path, header.generation, undo_rows)?,
            path: path.to_path_buf(),
            header,
            _file: file,
        });
        Ok((rows, cells))
    }

    fn go_back(
        &mut self,
        path: &Path,
        header: Header,
        to: Option<u64>,
    ) -> Result<Header, TableError> {
        let refused = |asked: u64| TableError::Step {
            path: path.to_path_buf(),
            asked,
            last: header.step,
            previous: header.previous,
        };
        let further = to.filter(|&step| step != header.step);
        if let Some(step) = further
            && (step != header.previous || header.generation == 0)
        {
            return Err(refused(step));
        }
        let record = self.record;
        let rows = header.rows;
        let mut restore = |row: u64, bytes: &[u8]| {
            if row < rows {
                self.record_mut(row as usize).copy_from_slice(bytes);
            }
            row < rows
        };
        roll_back(path, header.generation, record, &mut restore)?;
        let mut now = header;
        if let Some(step) = further {
            if !roll_back(path, header.generation - 1, record, &mut restore)? {
                return Err(refused(step));
            }
            now.step = header.previous;
            now.generation -= 1;
        }
        self.map.flush().map_err(TableError::io(path))?;
        self.write_header(&now, path)?;
        Ok(now)
    }

    fn write_header(&mut self, header: &Header, path: &Path) -> Result<(), TableError> {
        if let Some(page) = self.map.get_mut(..PAGE) {
            header.write(page);
        }
        self.map.flush_range(0, PAGE).map_err(TableError::io(path))
    }

    /// The bytes of a row of the table: the map is as long as all of them, and callers check rows that come
    /// from outside.
    pub(super) fn record(&self, row: usize) -> &[u8] {
        let at = self.start + row * self.record;
        &self.map[at..at + self.record]
    }

    fn record_mut(&mut self, row: usize) -> &mut [u8] {
        let at = self.start + row * self.record;
        &mut self.map[at..at + self.record]
    }

    /// Changes rows; what they were is written down first.
    pub(super) fn replace(
        &mut self,
        rows: &[usize],
        mut write: impl FnMut(usize, &mut [u8]),
    ) -> Result<(), TableError> {
        if let Some(file) = &mut self.file {
            for &row in rows {
                let at = self.start + row * self.record;
                file.undo.save(row, &self.map[at..at + self.record])?;
            }
            file.undo.flush()?;
        }
        for (k, &row) in rows.iter().enumerate() {
            write(k, self.record_mut(row));
        }
        Ok(())
    }

    /// Makes the present state the one that [`open`](Self::open) goes back to.
    pub(super) fn checkpoint(&mut self, step: u64, rows: usize) -> Result<(), TableError> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let (path, mut header) = (file.path.clone(), file.header);
        self.map.flush().map_err(TableError::io(&path))?;
        header.previous = header.step;
        header.step = step;
        header.generation += 1;
        self.write_header(&header, &path)?;
        let undo = Undo::begin(&path, header.generation, rows)?;
        if let Some(file) = &mut self.file {
            file.header = header;
            file.undo = undo;
        }
        Ok(())
    }
}

/// Rows begin at a page.
fn start_of_rows(rows: usize) -> usize {
    PAGE + rows.saturating_mul(8).next_multiple_of(PAGE)
}

fn lock(file: &File, path: &Path) -> Result<(), TableError> {
    file.try_lock().map_err(|e| match e {
        TryLockError::WouldBlock => TableError::InUse {
            path: path.to_path_buf(),
        },
        TryLockError::Error(e) => TableError::io(path)(e),
    })
}

fn map(file: &File) -> std::io::Result<MmapMut> {
    // SAFETY: the file is locked by this process. If another program cuts it short all the same, access
    // stops the process with a signal; bytes that it overwrites are plain numbers under a checksum.
    let map = unsafe { MmapMut::map_mut(file)? };
    // Rows are touched in no order: reading ahead would fetch neighbours that no one asked for.
    #[cfg(unix)]
    let _ = map.advise(memmap2::Advice::Random);
    Ok(map)
}
