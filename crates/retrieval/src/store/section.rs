//! One section of a mapped file, with a checksum for every block of it.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::Mmap;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::Damage;

use super::{PAGE, scattered};

/// Bytes that share one checksum: few, since rows are read one by one.
pub(super) const BLOCK: usize = PAGE;
/// The same in format 1.
pub(super) const FIRST_BLOCK: usize = 64 << 10;

/// The checksums of the blocks of a section, the last one possibly short.
pub(super) fn block_sums(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.chunks(BLOCK).map(xxh3_64)
}

/// A part of a mapped file. A block is checked when it is read for the first time, so opening costs
/// nothing and no byte is used unchecked.
#[derive(Debug)]
pub(crate) struct MappedSection {
    pub(crate) map: Arc<Mmap>,
    pub(crate) range: Range<usize>,
    /// Bytes that share one checksum.
    pub(crate) block: usize,
    /// Where the checksums are, eight bytes each.
    pub(crate) sums: Range<usize>,
    /// One bit per block: already found right.
    pub(crate) seen: Vec<AtomicU64>,
    pub(crate) name: &'static str,
    pub(crate) path: Arc<PathBuf>,
}

impl MappedSection {
    pub(crate) fn unchecked(&self) -> &[u8] {
        // `Reader::column` has compared both ranges with the length of the map.
        &self.map[self.range.clone()]
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
        for block in range.start / self.block..=(range.end - 1) / self.block {
            self.check_block(block)?;
        }
        Ok(())
    }

    /// Damage at a byte of the section.
    pub(crate) fn damage(&self, at: usize) -> Damage {
        Damage {
            file: self.path.as_ref().clone(),
            section: self.name,
            offset: self.range.start.saturating_add(at) as u64,
        }
    }

    fn check_block(&self, block: usize) -> Result<(), Damage> {
        let (word, bit) = (block / 64, 1u64 << (block % 64));
        if let Some(seen) = self.seen.get(word)
            && seen.load(Ordering::Relaxed) & bit != 0
        {
            return Ok(());
        }
        let bytes = self.unchecked();
        let start = (block * self.block).min(bytes.len());
        let end = (start + self.block).min(bytes.len());
        let sums = &self.map[self.sums.clone()];
        let expected = sums.as_chunks::<8>().0.get(block);
        let sum = bytes
            .get(start..end)
            .map(|bytes| xxh3_64(bytes).to_le_bytes());
        if sum.is_none() || sum.as_ref() != expected {
            return Err(self.damage(start));
        }
        if let Some(seen) = self.seen.get(word) {
            seen.fetch_or(bit, Ordering::Relaxed);
        }
        Ok(())
    }
}
