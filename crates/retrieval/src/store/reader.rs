//! Opening a file: headers and manifest are checked, sections when they are read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use memmap2::Mmap;
use xxhash_rust::xxh3::xxh3_64;

use crate::MAX_DIM;
use crate::column::{Column, Plain};
use crate::origin::Origin;

use super::manifest::SectionManifest;
use super::section::{BLOCK, FIRST_BLOCK};
use super::{FORMAT_VERSION, MAGIC, Manifest, MappedSection, PAGE, StoreError, map_file};

/// An open index file.
#[derive(Debug)]
pub(crate) struct Reader {
    map: Arc<Mmap>,
    path: Arc<PathBuf>,
    pub(crate) manifest: Manifest,
    stamp: Stamp,
}

/// Which state of a file is meant: its sequence number and the checksum of its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) sequence: u64,
    pub(crate) manifest_hash: u64,
}

struct Header {
    version: u32,
    manifest: (usize, usize),
    stamp: Stamp,
}

/// Reads one of the two headers; `None` if it is not whole.
fn header_at(bytes: &[u8], offset: usize) -> Option<Header> {
    let header = bytes.get(offset..)?.first_chunk::<56>()?;
    let word = |at: usize| Some(u64::from_le_bytes(*header.get(at..)?.first_chunk()?));
    let right = header.starts_with(&MAGIC) && xxh3_64(header.get(..48)?) == word(48)?;
    right.then_some(Header {
        version: u32::from_le_bytes(*header.get(8..)?.first_chunk()?),
        manifest: (
            usize::try_from(word(24)?).ok()?,
            usize::try_from(word(32)?).ok()?,
        ),
        stamp: Stamp {
            sequence: word(16)?,
            manifest_hash: word(40)?,
        },
    })
}

/// The valid header with the larger sequence number, of the first bytes of a file.
fn header_in_force(bytes: &[u8]) -> Option<Header> {
    let headers = [0, PAGE].into_iter().filter_map(|at| header_at(bytes, at));
    headers.max_by_key(|header| header.stamp.sequence)
}

/// The state that a file is in.
pub(super) fn stamp_of(file: &File) -> io::Result<Option<Stamp>> {
    let mut bytes = Vec::with_capacity(2 * PAGE);
    file.take(2 * PAGE as u64).read_to_end(&mut bytes)?;
    Ok(header_in_force(&bytes).map(|header| header.stamp))
}

impl Reader {
    /// Opens a file that must hold an index of one kind.
    pub(crate) fn open(path: &Path, kind: &'static str) -> Result<Self, StoreError> {
        let reader = Self::open_any(path)?;
        if reader.manifest.kind != kind {
            return Err(StoreError::Kind {
                file: path.to_path_buf(),
                found: reader.manifest.kind,
                expected: kind,
            });
        }
        Ok(reader)
    }

    /// Opens a file whatever it holds.
    pub(crate) fn open_any(path: &Path) -> Result<Self, StoreError> {
        if cfg!(target_endian = "big") {
            return Err(StoreError::Endianness);
        }
        let file = File::open(path).map_err(StoreError::io(path))?;
        let map = map_file(&file).map_err(StoreError::io(path))?;
        let Some(header) = header_in_force(&map) else {
            return Err(StoreError::Header {
                file: path.to_path_buf(),
            });
        };
        if header.version == 0 || header.version > FORMAT_VERSION {
            return Err(StoreError::Version {
                file: path.to_path_buf(),
                found: header.version,
            });
        }
        let damaged = || StoreError::inconsistent(path, "manifest");
        let (start, len) = header.manifest;
        let end = start.checked_add(len).ok_or_else(damaged)?;
        let json = map.get(start..end).ok_or_else(damaged)?;
        if xxh3_64(json) != header.stamp.manifest_hash {
            return Err(damaged());
        }
        let manifest: Manifest = serde_json::from_slice(json).map_err(|_| damaged())?;
        if manifest.dim == 0 || manifest.dim > MAX_DIM {
            return Err(damaged());
        }
        Ok(Self {
            stamp: header.stamp,
            map: Arc::new(map),
            path: Arc::new(path.to_path_buf()),
            manifest,
        })
    }

    /// What an index needs to append to this file.
    pub(crate) fn into_origin(self) -> Origin {
        Origin {
            path: self.path.as_ref().clone(),
            stamp: self.stamp,
            shared: self.manifest.shared,
            segments: self.manifest.segments,
        }
    }

    pub(crate) fn inconsistent(&self, part: &str) -> StoreError {
        StoreError::inconsistent(&self.path, part)
    }

    /// A section of `len` values; an absent one is an empty column if `len` is 0.
    pub(crate) fn column<T: Plain>(
        &self,
        sections: &BTreeMap<String, SectionManifest>,
        name: &'static str,
        len: usize,
    ) -> Result<Column<T>, StoreError> {
        let damaged = || StoreError::inconsistent(&self.path, format!("section {name}"));
        let Some(section) = sections.get(name) else {
            return if len == 0 {
                Ok(Column::empty())
            } else {
                Err(damaged())
            };
        };
        let span = |offset: u64, bytes: u64| {
            let start = usize::try_from(offset).ok()?;
            let end = start.checked_add(usize::try_from(bytes).ok()?)?;
            (end <= self.map.len()).then_some(start..end)
        };
        let wanted = len.checked_mul(size_of::<T>());
        if wanted != usize::try_from(section.bytes).ok() {
            return Err(damaged());
        }
        let range = span(section.offset, section.bytes).ok_or_else(damaged)?;
        // Format 1 does not say.
        let block = section.block.unwrap_or(FIRST_BLOCK);
        if !(BLOCK..=FIRST_BLOCK).contains(&block) {
            return Err(damaged());
        }
        let blocks = range.len().div_ceil(block);
        let sums = span(section.sums, blocks as u64 * 8).ok_or_else(damaged)?;
        if self.map.get(sums.clone()).map(xxh3_64) != Some(section.sums_hash) {
            return Err(damaged());
        }
        Column::mapped(MappedSection {
            map: Arc::clone(&self.map),
            range,
            block,
            sums,
            seen: (0..blocks.div_ceil(64))
                .map(|_| AtomicU64::new(0))
                .collect(),
            name,
            path: Arc::clone(&self.path),
        })
        .ok_or_else(damaged)
    }
}
