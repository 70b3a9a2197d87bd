//! Mapping files into memory: the one place where that is done.
#![allow(unsafe_code, reason = "a mapped file can be changed by other programs")]

use std::fs::File;
use std::io;
use std::ops::{Deref, DerefMut, Range};

use memmap2::{Mmap, MmapMut, MmapOptions};

/// Maps a whole file for reading.
pub(crate) fn map_file(file: &File) -> io::Result<Mmap> {
    // SAFETY: index files are replaced by renaming or grown at the end, never changed in the part that
    // readers use. If another program cuts the file short, reads stop the process with a signal; if it
    // overwrites bytes, the values read change, which is harmless for plain numbers.
    unsafe { Mmap::map(file) }
}

/// Maps a part of a file for writing.
pub(crate) fn map_file_mut(file: &File, offset: u64, bytes: usize) -> io::Result<WrittenMap> {
    // SAFETY: the file was created by the caller under a name of its own and is not shared.
    unsafe { MmapOptions::new().offset(offset).len(bytes).map_mut(file) }.map(WrittenMap)
}

/// A part of a file that is being written, mapped.
pub(crate) struct WrittenMap(MmapMut);

impl WrittenMap {
    /// As [`release`].
    pub(crate) fn release(&self) {
        #[cfg(unix)]
        // SAFETY: as in `release`; what was written stays in the file, since the map is shared with it.
        let _ = unsafe { self.0.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
    }
}

impl Deref for WrittenMap {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for WrittenMap {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// Tells that a part of a map is read at scattered places, so that touching a row does not map a huge page
/// of the file. (The system may still map all that its cache keeps as one piece.)
pub(crate) fn scattered(map: &Mmap, bytes: Range<usize>) {
    #[cfg(target_os = "linux")]
    let _ = map.advise_range(memmap2::Advice::NoHugePage, bytes.start, bytes.len());
    #[cfg(not(target_os = "linux"))]
    let _ = (map, bytes);
}

/// Gives the pages of a map back to the system: they no longer count as memory of this process, stay in
/// the file and its cache, and are mapped again when they are touched. Without it, a build that passes
/// over its files keeps all of them resident.
pub(crate) fn release(map: &Mmap) {
    #[cfg(unix)]
    // SAFETY: maps of this module are shared with their file, so that the same bytes come back.
    let _ = unsafe { map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
    #[cfg(not(unix))]
    let _ = map;
}
