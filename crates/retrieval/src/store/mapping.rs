//! Mapping files into memory: the one place where that is done.
#![allow(unsafe_code, reason = "a mapped file can be changed by other programs")]

use std::fs::File;
use std::io;

use memmap2::{Mmap, MmapMut, MmapOptions};

/// Maps a whole file for reading.
pub(crate) fn map_file(file: &File) -> io::Result<Mmap> {
    // SAFETY: index files are replaced by renaming or grown at the end, never changed in the part that
    // readers use. If another program cuts the file short, reads stop the process with a signal; if it
    // overwrites bytes, the values read change, which is harmless for plain numbers.
    unsafe { Mmap::map(file) }
}

/// Maps a part of a file for writing.
pub(crate) fn map_file_mut(file: &File, offset: u64, bytes: usize) -> io::Result<MmapMut> {
    // SAFETY: the file was created by the caller under a name of its own and is not shared.
    unsafe { MmapOptions::new().offset(offset).len(bytes).map_mut(file) }
}
