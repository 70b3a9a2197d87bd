//! Writing sections one after another, then the manifest, then the header.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::column::{Bytes, Room};
use crate::error::MemoryError;

use super::manifest::SectionManifest;
use super::reader::stamp_of;
use super::section::{BLOCK, block_sums};
use super::{FORMAT_VERSION, MAGIC, Manifest, PAGE, RESIDENT, Stamp, StoreError, map_file_mut};

/// An index file being written.
#[derive(Debug)]
pub(crate) struct Writer {
    file: File,
    path: PathBuf,
    end: u64,
    sequence: u64,
    /// Sections reserved through [`Room`], to be summed.
    reserved: Vec<(&'static str, u64, u64)>,
    failure: Option<StoreError>,
}

impl Writer {
    /// A new file, overwriting what is there; it stays locked until the writer is done.
    fn create(path: &Path) -> Result<Self, StoreError> {
        if cfg!(target_endian = "big") {
            return Err(StoreError::Endianness);
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(StoreError::io(path))?;
        lock(&file, path, path)?;
        // Only now: another writer may be at it.
        file.set_len(0).map_err(StoreError::io(path))?;
        Ok(Self {
            file,
            path: path.to_path_buf(),
            end: 2 * PAGE as u64,
            sequence: 1,
            reserved: Vec::new(),
            failure: None,
        })
    }

    /// A file to append to, which must be in the state that the caller knows; it stays locked until the
    /// writer is done.
    pub(crate) fn append(path: &Path, known: Stamp) -> Result<Self, StoreError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(StoreError::io(path))?;
        lock(&file, path, path)?;
        // Read after the lock: another writer may have been here since the caller opened the file.
        let found = stamp_of(&file).map_err(StoreError::io(path))?;
        let next = known.sequence.checked_add(1);
        let (true, Some(sequence)) = (found == Some(known), next) else {
            return Err(StoreError::Stale {
                file: path.to_path_buf(),
            });
        };
        let length = file.metadata().map_err(StoreError::io(path))?.len();
        Ok(Self {
            file,
            path: path.to_path_buf(),
            end: length.next_multiple_of(PAGE as u64),
            sequence,
            reserved: Vec::new(),
            failure: None,
        })
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.file
            .seek(SeekFrom::Start(offset))
            .and_then(|_| self.file.write_all(bytes))
            .map_err(StoreError::io(&self.path))
    }

    /// Writes a section and its checksums.
    pub(crate) fn section(&mut self, bytes: &[u8]) -> Result<SectionManifest, StoreError> {
        let offset = self.end;
        self.write_at(offset, bytes)?;
        self.sums(offset, bytes.len(), &block_sums(bytes).collect::<Vec<_>>())
    }

    /// Writes the checksums of a section that is already in the file.
    fn sums(
        &mut self,
        offset: u64,
        bytes: usize,
        sums: &[u64],
    ) -> Result<SectionManifest, StoreError> {
        let sums: Vec<u8> = sums.iter().flat_map(|s| s.to_le_bytes()).collect();
        let at = self.end.max(offset + bytes as u64).next_multiple_of(8);
        self.write_at(at, &sums)?;
        self.end = (at + sums.len() as u64).next_multiple_of(PAGE as u64);
        Ok(SectionManifest {
            offset,
            bytes: bytes as u64,
            block: Some(BLOCK),
            sums: at,
            sums_hash: xxh3_64(&sums),
        })
    }

    /// The sections reserved since the last call, summed.
    pub(crate) fn reserved(&mut self) -> Result<BTreeMap<String, SectionManifest>, StoreError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut out = BTreeMap::new();
        for (name, offset, size) in std::mem::take(&mut self.reserved) {
            let map = map_file_mut(&self.file, offset, size as usize)
                .map_err(StoreError::io(&self.path))?;
            let mut sums = Vec::with_capacity(map.len().div_ceil(BLOCK));
            for blocks in map.chunks(RESIDENT) {
                sums.extend(block_sums(blocks));
                map.release();
            }
            out.insert(name.to_owned(), self.sums(offset, map.len(), &sums)?);
        }
        Ok(out)
    }

    /// Writes the manifest, waits for the disk, and puts the new header in force; tells the state that the
    /// file is in then.
    pub(crate) fn finish(mut self, manifest: &Manifest) -> Result<Stamp, StoreError> {
        let json = serde_json::to_vec(manifest)
            .map_err(|_| StoreError::inconsistent(&self.path, "manifest"))?;
        let at = self.end;
        self.write_at(at, &json)?;
        let sync = |file: &File, path: &Path| file.sync_all().map_err(StoreError::io(path));
        sync(&self.file, &self.path)?;
        let mut header = Vec::with_capacity(56);
        header.extend(MAGIC);
        header.extend(FORMAT_VERSION.to_le_bytes());
        header.extend(0u32.to_le_bytes());
        let stamp = Stamp {
            sequence: self.sequence,
            manifest_hash: xxh3_64(&json),
        };
        for value in [stamp.sequence, at, json.len() as u64, stamp.manifest_hash] {
            header.extend(value.to_le_bytes());
        }
        header.extend(xxh3_64(&header).to_le_bytes());
        // The header not in force: a torn write leaves the other one.
        let slot = (1 - self.sequence % 2) * PAGE as u64;
        self.write_at(slot, &header)?;
        sync(&self.file, &self.path)?;
        Ok(stamp)
    }
}

impl Room for Writer {
    fn bytes(&mut self, name: &'static str, size: usize) -> Result<Bytes, MemoryError> {
        let offset = self.end;
        let end = (offset + size as u64).next_multiple_of(PAGE as u64);
        let map = self
            .file
            .set_len(end)
            .and_then(|()| map_file_mut(&self.file, offset, size));
        match map {
            Ok(map) => {
                self.end = end;
                self.reserved.push((name, offset, size as u64));
                Ok(Bytes::Written(map))
            }
            Err(source) => {
                self.failure = Some(StoreError::io(&self.path)(source));
                Err(MemoryError { bytes: size as u64 })
            }
        }
    }
}

/// Locks the file of a name against other writers until it is closed; `named` is what an error names. Where the
/// file system knows no locks, writers are not told of each other.
pub(crate) fn lock(file: &File, path: &Path, named: &Path) -> Result<(), StoreError> {
    let in_use = || StoreError::InUse {
        file: named.to_path_buf(),
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Err(in_use()),
        Err(TryLockError::Error(e)) if e.kind() != ErrorKind::Unsupported => {
            return Err(StoreError::io(path)(e));
        }
        _ => {}
    }
    // It may have been removed, or another one put in its place, before it was locked.
    match is_at(file, path) {
        Ok(true) => Ok(()),
        Ok(false) => Err(in_use()),
        Err(e) if e.kind() == ErrorKind::NotFound => Err(in_use()),
        Err(e) => Err(StoreError::io(path)(e)),
    }
}

/// Whether an open file is still the one of that name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (open, named) = (file.metadata()?, std::fs::metadata(path)?);
    Ok((open.dev(), open.ino()) == (named.dev(), named.ino()))
}

/// Elsewhere a file that is open is not replaced.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> std::io::Result<bool> {
    Ok(true)
}

/// The name of a file with an ending added.
pub(crate) fn beside(path: &Path, ending: &str) -> Result<PathBuf, StoreError> {
    let Some(name) = path.file_name() else {
        let reason = std::io::Error::new(ErrorKind::InvalidInput, "the path names no file");
        return Err(StoreError::io(path)(reason));
    };
    let mut name = name.to_os_string();
    name.push(ending);
    Ok(path.with_file_name(name))
}

/// Writes a file under another name and renames it when it is complete. Nobody else may be doing so, nor be
/// appending to the file that is there. What was written is removed if that fails.
pub(crate) fn replace_file(
    path: &Path,
    write: impl FnOnce(Writer) -> Result<Stamp, StoreError>,
) -> Result<Stamp, StoreError> {
    let new = beside(path, ".new")?;
    let writer = Writer::create(&new)?;
    // Both stay locked until the new file is in place.
    let _new = writer.file.try_clone().map_err(StoreError::io(&new))?;
    let placed = write(writer).and_then(|stamp| {
        let _old = match File::open(path) {
            Ok(old) => lock(&old, path, path).map(|()| Some(old))?,
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(StoreError::io(path)(e)),
        };
        std::fs::rename(&new, path).map_err(StoreError::io(path))?;
        Ok(stamp)
    });
    if placed.is_err() {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&new);
    }
    let stamp = placed?;
    // The new name itself must reach the disk.
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(StoreError::io(folder))?;
    Ok(stamp)
}
