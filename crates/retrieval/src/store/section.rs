//! One section of a mapped file, with a checksum for every block of 64 KiB.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::Mmap;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::Damage;

use super::scattered;

/// Bytes that share one checksum.
pub(crate) const BLOCK: usize = 64 << 10;

/// The checksums of the blocks of a section, the last one possibly short.
pub(crate) fn block_sums(bytes: &[u8]) -> Vec<u64> {
    bytes.chunks(BLOCK).map(xxh3_64).collect()
}

/// A part of a mapped file. A block is checked when it is read for the first time, so opening costs
/// nothing and no byte is used unchecked.
#[derive(Debug)]
pub(crate) struct MappedSection {
    pub(crate) map: Arc<Mmap>,
    pub(crate) range: Range<usize>,
    pub(crate) sums: Vec<u64>,
    /// One bit per block: already found right.
    pub(crate) seen: Vec<AtomicU64>,
    pub(crate) name: &'static str,
    pub(crate) path: Arc<PathBuf>,
}

impl MappedSection {
    pub(crate) fn unchecked(&self) -> &[u8] {
        self.map.get(self.range.clone()).unwrap_or(&[])
    }

    /// Tells the system that values will be read here and there.
    pub(crate) fn scattered(&self) {
        scattered(&self.map, self.range.clone());
    }

    /// Checks the blocks that a range of bytes touches.
    pub(crate) fn check(&self, range: Range<usize>) -> Result<(), Damage> {
        if range.is_empty() {
            return Ok(());
        }
        for block in range.start / BLOCK..=(range.end - 1) / BLOCK {
            self.check_block(block)?;
        }
        Ok(())
    }

    fn check_block(&self, block: usize) -> Result<(), Damage> {
        let (word, bit) = (block / 64, 1u64 << (block % 64));
        if let Some(seen) = self.seen.get(word)
            && seen.load(Ordering::Relaxed) & bit != 0
        {
            return Ok(());
        }
        let bytes = self.unchecked();
        let start = (block * BLOCK).min(bytes.len());
        let end = (start + BLOCK).min(bytes.len());
        let sum = bytes.get(start..end).map(xxh3_64);
        if sum.is_none() || sum != self.sums.get(block).copied() {
            return Err(Damage {
                file: self.path.as_ref().clone(),
                section: self.name,
                offset: (self.range.start + start) as u64,
            });
        }
        if let Some(seen) = self.seen.get(word) {
            seen.fetch_or(bit, Ordering::Relaxed);
        }
        Ok(())
    }
}
