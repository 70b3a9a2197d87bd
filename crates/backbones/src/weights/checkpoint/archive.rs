//! The ZIP archive around a checkpoint: stored entries only, with or without ZIP64.
//!
//! Field positions are those of the format's description (APPNOTE, sections 4.3.7, 4.3.12, 4.3.14
//! to 4.3.16 and 4.5.3).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crc32fast::Hasher;

use super::damaged;
use crate::weights::WeightsError;

/// Largest pickle that is read.
const MOST_PICKLE: u64 = 64 << 20;

/// An open archive.
#[derive(Debug)]
pub(super) struct Archive {
    path: PathBuf,
    file: RefCell<File>,
    /// By name, without the folder that all entries share.
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Where its local header starts.
    header: u64,
    size: u64,
    crc: u32,
}

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Self, WeightsError> {
        let mut file = File::open(path).map_err(|source| io(path, source))?;
        let length = file.seek(SeekFrom::End(0)).map_err(|e| io(path, e))?;
        let mut start = [0; 4];
        read_at(path, &mut file, 0, length, &mut start)?;
        if start != *b"PK\x03\x04" {
            let reason = "it is no ZIP archive; files that PyTorch wrote before version 1.6, or \
                          with its old format, have to be loaded and saved again";
            return Err(damaged(path, reason.into()));
        }
        let (offset, size) = directory(path, &mut file, length)?;
        if size > MOST_PICKLE || offset.checked_add(size).is_none_or(|end| end > length) {
            return Err(cut(path));
        }
        let mut bytes = vec![0; size as usize];
        read_at(path, &mut file, offset, length, &mut bytes)?;
        let mut archive = Self {
            path: path.to_path_buf(),
            file: RefCell::new(file),
            entries: BTreeMap::new(),
        };
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (name, entry, after) = central_entry(path, rest)?;
            let short = name.split_once('/').map_or("", |(_, rest)| rest);
            archive.entries.insert(short.to_owned(), entry);
            rest = after;
        }
        match archive.entries.get("byteorder") {
            Some(_) if archive.read("byteorder", 16)? != b"little" => {
                let reason = "its numbers are not in little-endian order";
                Err(damaged(path, reason.into()))
            }
            _ => Ok(archive),
        }
    }

    /// The pickle.
    pub(super) fn pickle(&self) -> Result<Vec<u8>, WeightsError> {
        self.read("data.pkl", MOST_PICKLE)
    }

    /// Number of bytes of a storage.
    pub(super) fn storage_size(&self, key: &str) -> Option<u64> {
        self.entries.get(&format!("data/{key}")).map(|e| e.size)
    }

    /// The bytes of a storage.
    pub(super) fn storage(&self, key: &str) -> Result<Vec<u8>, WeightsError> {
        self.read(&format!("data/{key}"), u64::MAX)
    }

    /// The error of an entry that is shorter than it says.
    pub(super) fn cut(&self) -> WeightsError {
        cut(&self.path)
    }

    fn read(&self, name: &str, most: u64) -> Result<Vec<u8>, WeightsError> {
        let path = &self.path;
        let Some(entry) = self.entries.get(name) else {
            return Err(damaged(path, format!("it has no entry {name}")));
        };
        if entry.size > most {
            let reason = format!("its entry {name} has {} bytes", entry.size);
            return Err(damaged(path, reason));
        }
        let mut file = self.file.borrow_mut();
        let length = file.seek(SeekFrom::End(0)).map_err(|e| io(path, e))?;
        let mut header = [0; 30];
        read_at(path, &mut file, entry.header, length, &mut header)?;
        if !header.starts_with(b"PK\x03\x04") {
            return Err(cut(path));
        }
        let skip = 30 + u64::from(u16_at(&header, 26)) + u64::from(u16_at(&header, 28));
        let start = entry.header.checked_add(skip).ok_or_else(|| cut(path))?;
        let end = start.checked_add(entry.size).ok_or_else(|| cut(path))?;
        if end > length {
            return Err(cut(path));
        }
        let mut bytes = vec![0; entry.size as usize];
        read_at(path, &mut file, start, length, &mut bytes)?;
        let mut hasher = Hasher::new();
        hasher.update(&bytes);
        // A file may be saved without checksums; the field is 0 then.
        if entry.crc != 0 && hasher.finalize() != entry.crc {
            let reason = format!("the checksum of its entry {name} does not fit");
            return Err(damaged(path, reason));
        }
        Ok(bytes)
    }
}

/// Place and size of the central directory.
fn directory(path: &Path, file: &mut File, length: u64) -> Result<(u64, u64), WeightsError> {
    // Its end record is followed by a comment of at most 65535 bytes.
    let tail = length.min(65_557);
    let mut bytes = vec![0; tail as usize];
    read_at(path, file, length - tail, length, &mut bytes)?;
    let at = bytes
        .windows(4)
        .rposition(|w| w == b"PK\x05\x06")
        .ok_or_else(|| cut(path))?;
    let end = bytes.get(at..at + 22).ok_or_else(|| cut(path))?;
    let (size, offset) = (u32_at(end, 12), u32_at(end, 16));
    if size != u32::MAX && offset != u32::MAX {
        return Ok((offset.into(), size.into()));
    }
    let locator = at
        .checked_sub(20)
        .and_then(|from| bytes.get(from..at))
        .filter(|l| l.starts_with(b"PK\x06\x07"))
        .ok_or_else(|| cut(path))?;
    let mut record = [0; 56];
    read_at(path, file, u64_at(locator, 8), length, &mut record)?;
    if !record.starts_with(b"PK\x06\x06") {
        return Err(cut(path));
    }
    Ok((u64_at(&record, 48), u64_at(&record, 40)))
}

/// Name and place of the first entry of a central directory, and the rest of it.
fn central_entry<'a>(
    path: &Path,
    bytes: &'a [u8],
) -> Result<(String, Entry, &'a [u8]), WeightsError> {
    let fixed = bytes
        .get(..46)
        .filter(|b| b.starts_with(b"PK\x01\x02"))
        .ok_or_else(|| cut(path))?;
    let lengths = [28, 30, 32].map(|at| usize::from(u16_at(fixed, at)));
    let [name_end, extra_end, end] = [
        46 + lengths[0],
        46 + lengths[0] + lengths[1],
        46 + lengths.iter().sum::<usize>(),
    ];
    let part = |from: usize, to: usize| bytes.get(from..to).ok_or_else(|| cut(path));
    let name = String::from_utf8_lossy(part(46, name_end)?).into_owned();
    let extra = part(name_end, extra_end)?;
    if u16_at(fixed, 10) != 0 || u16_at(fixed, 8) & 1 != 0 {
        let reason = format!("its entry {name} is compressed or encrypted");
        return Err(damaged(path, reason));
    }
    let sizes = [u32_at(fixed, 20), u32_at(fixed, 24)].map(u64::from);
    let mut wide = wide_fields(extra).chunks_exact(8).map(|b| u64_at(b, 0));
    // Fields that do not fit into 32 bits stand in the extra field, in this order.
    let mut field = |value: u64| -> Result<u64, WeightsError> {
        if value == u64::from(u32::MAX) {
            wide.next().ok_or_else(|| cut(path))
        } else {
            Ok(value)
        }
    };
    let unpacked = field(sizes[1])?;
    let packed = field(sizes[0])?;
    let header = field(u32_at(fixed, 42).into())?;
    if unpacked != packed {
        return Err(damaged(path, format!("its entry {name} is compressed")));
    }
    let entry = Entry {
        header,
        size: unpacked,
        crc: u32_at(fixed, 16),
    };
    Ok((name, entry, bytes.get(end..).ok_or_else(|| cut(path))?))
}

/// The content of the ZIP64 extra field, empty if there is none or it is cut short: who looks for a number
/// in it then reports that.
fn wide_fields(mut extra: &[u8]) -> &[u8] {
    while extra.len() >= 4 {
        let end = 4 + usize::from(u16_at(extra, 2));
        let content = extra.get(4..end).unwrap_or_default();
        if u16_at(extra, 0) == 1 {
            return content;
        }
        extra = extra.get(end..).unwrap_or_default();
    }
    &[]
}

fn read_at(
    path: &Path,
    file: &mut File,
    at: u64,
    length: u64,
    bytes: &mut [u8],
) -> Result<(), WeightsError> {
    let end = at.checked_add(bytes.len() as u64);
    if end.is_none_or(|end| end > length) {
        return Err(cut(path));
    }
    file.seek(SeekFrom::Start(at))
        .and_then(|_| file.read_exact(bytes))
        .map_err(|source| io(path, source))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u64_of(bytes, at, 2) as u16
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u64_of(bytes, at, 4) as u32
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64_of(bytes, at, 8)
}

/// A little-endian number of `width` bytes; bytes that are not there count as 0.
fn u64_of(bytes: &[u8], at: usize, width: usize) -> u64 {
    let bytes = bytes.iter().skip(at).take(width).enumerate();
    bytes.fold(0, |sum, (i, &b)| sum | u64::from(b) << (8 * i))
}

fn io(path: &Path, source: std::io::Error) -> WeightsError {
    WeightsError::Io {
        path: path.to_path_buf(),
        source,
    }
}

fn cut(path: &Path) -> WeightsError {
    damaged(path, "the archive is cut short or damaged".into())
}
