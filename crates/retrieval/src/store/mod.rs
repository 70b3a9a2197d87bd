//! Index files: one versioned, checksummed, memory-mapped file for an index.
//!
//! ```text
//! 0      header A   magic, format version, sequence number, place and checksum of a manifest
//! 4096   header B   likewise; the valid header with the larger sequence number counts
//! 8192   sections   each on a page boundary: codes, rows, ids, cells, ...; after each, the XXH3-64
//!                   checksums of its blocks of 4 KiB
//!        manifest   JSON: kind, dimension, settings, the segments and where their sections are
//! ```
//!
//! Everything is little endian. A change appends sections and a manifest and then overwrites the older
//! header, so that a file is at every moment either the old index or the new one.

mod error;
mod manifest;
mod mapping;
mod reader;
mod section;
mod writer;

pub use error::StoreError;
pub(crate) use manifest::{Manifest, SectionManifest, SegmentManifest};
pub(crate) use mapping::{WrittenMap, map_file, map_file_mut, release, scattered};
pub(crate) use reader::{Reader, Stamp};
pub(crate) use section::MappedSection;
pub(crate) use writer::{Writer, beside, lock, replace_file};

/// The format that this version writes; all from 1 on are read. Format 2 cuts the codes of an exact index in
/// two and has a checksum for every 4 KiB instead of 64.
pub const FORMAT_VERSION: u32 = 2;
pub(crate) const MAGIC: [u8; 8] = *b"GEOLOCIX";
pub(crate) const PAGE: usize = 4096;
/// Bytes of a mapped file that a build keeps resident as it passes over it: whole blocks.
pub(crate) const RESIDENT: usize = 16 << 20;
