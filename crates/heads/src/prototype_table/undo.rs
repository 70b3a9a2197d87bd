//! What rows were before they were first touched after a checkpoint, so that a table goes back to the
//! checkpoint that its encoder goes back to.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::TableError;

/// The journal of the time since one checkpoint, its generation.
#[derive(Debug)]
pub(super) struct Undo {
    path: PathBuf,
    generation: u64,
    file: BufWriter<File>,
    /// One bit a row: already saved.
    saved: Vec<u64>,
    /// A write failed, so that the file may end in a part of an entry.
    broken: bool,
}

/// Two journals take turns; their names are that of the table and an ending.
fn journal(table: &Path, generation: u64) -> PathBuf {
    let mut name = table.as_os_str().to_os_string();
    name.push(format!(".undo{}", generation % 2));
    PathBuf::from(name)
}

impl Undo {
    /// Starts the journal of a generation anew; that of two generations before is gone then.
    pub(super) fn begin(table: &Path, generation: u64, rows: usize) -> Result<Self, TableError> {
        let path = journal(table, generation);
        let file = File::create(&path).map_err(TableError::io(&path))?;
        let mut file = BufWriter::with_capacity(1 << 20, file);
        file.write_all(&generation.to_le_bytes())
            .and_then(|()| file.flush())
            .map_err(TableError::io(&path))?;
        Ok(Self {
            path,
            generation,
            file,
            saved: vec![0; rows.div_ceil(64)],
            broken: false,
        })
    }

    /// Writes down a row, unless that was done since the checkpoint. Call [`flush`](Self::flush) before
    /// the row is changed.
    pub(super) fn save(&mut self, row: usize, bytes: &[u8]) -> Result<(), TableError> {
        if self.broken {
            let reason = "a write failed; open the table again to go back to its last checkpoint";
            return Err(TableError::io(&self.path)(std::io::Error::other(reason)));
        }
        let word = &mut self.saved[row / 64];
        if *word >> (row % 64) & 1 == 1 {
            return Ok(());
        }
        *word |= 1 << (row % 64);
        let sum = entry_sum(self.generation, row as u64, bytes);
        let row = (row as u64).to_le_bytes();
        let written = [&row[..], bytes, &sum.to_le_bytes()[..]]
            .into_iter()
            .try_for_each(|part| self.file.write_all(part));
        self.broken = written.is_err();
        written.map_err(TableError::io(&self.path))
    }

    pub(super) fn flush(&mut self) -> Result<(), TableError> {
        let written = self.file.flush();
        self.broken |= written.is_err();
        written.map_err(TableError::io(&self.path))
    }
}

fn entry_sum(generation: u64, row: u64, bytes: &[u8]) -> u64 {
    xxh3_64(bytes) ^ generation.rotate_left(17) ^ row.rotate_left(41)
}

/// Hands the rows of a journal to `restore`, which tells whether there is such a row; false if there is no
/// journal of that generation. An entry cut short at the end is left out: its row had not been changed yet.
pub(super) fn roll_back(
    table: &Path,
    generation: u64,
    record: usize,
    mut restore: impl FnMut(u64, &[u8]) -> bool,
) -> Result<bool, TableError> {
    let path = journal(table, generation);
    let mut file = match File::open(&path) {
        Ok(file) => std::io::BufReader::with_capacity(1 << 20, file),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(TableError::io(&path)(e)),
    };
    let mut head = [0; 8];
    // Whether so many bytes are there; that they cannot be read is another matter.
    let mut whole = |bytes: &mut [u8]| match file.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(TableError::io(&path)(e)),
    };
    if !whole(&mut head)? || u64::from_le_bytes(head) != generation {
        return Ok(false);
    }
    let mut entry = vec![0; 8 + record + 8];
    while whole(&mut entry)? {
        let (row, rest) = entry.split_at(8);
        let (bytes, sum) = rest.split_at(record);
        let number = |b: &[u8]| b.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b));
        let right = entry_sum(generation, number(row), bytes) == number(sum);
        if !right || !restore(number(row), bytes) {
            return Err(TableError::damaged(
                &path,
                format!("entry of row {}", number(row)),
            ));
        }
    }
    Ok(true)
}
