//! Decoding many photos without holding all of them.

use std::collections::VecDeque;
use std::path::Path;
use std::vec;

use rayon::prelude::*;

use crate::photo::{Photo, decode_photo, decoding_bytes};
use crate::photo_error::PhotoFileError;

/// Memory that photos which are decoded at the same time may take, in bytes (1 GiB), told by their
/// headers before they are decoded. A single photo may take more.
pub const DECODING_BYTES: u64 = 1 << 30;
/// Headers that are read ahead.
const HEADERS: usize = 64;

/// Reads many photos on all cores, one after the other for the caller: answer k belongs to path k, and a
/// bad file spoils no other.
///
/// Photos are decoded ahead in blocks of up to [`DECODING_BYTES`], as they are asked for: memory stays
/// bounded unless the caller keeps the photos.
pub fn decode_all<P: AsRef<Path> + Sync>(paths: &[P]) -> DecodeAll<'_, P> {
    DecodeAll {
        left: paths.len(),
        blocks: Blocks::new(paths),
        ready: Vec::new().into_iter(),
    }
}

/// Photos in the order of their paths; see [`decode_all`].
#[derive(Debug)]
pub struct DecodeAll<'a, P> {
    blocks: Blocks<'a, P>,
    ready: vec::IntoIter<Result<Photo, PhotoFileError>>,
    left: usize,
}

impl<P: AsRef<Path> + Sync> Iterator for DecodeAll<'_, P> {
    type Item = Result<Photo, PhotoFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.as_slice().is_empty() {
            let photos: Vec<_> = self.blocks.next()?.par_iter().map(decode_photo).collect();
            self.ready = photos.into_iter();
        }
        self.left = self.left.saturating_sub(1);
        self.ready.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<P: AsRef<Path> + Sync> ExactSizeIterator for DecodeAll<'_, P> {}

/// Reads many photos on all cores and makes something of each: answer k belongs to path k, and a bad file
/// spoils no other. Photos that are decoded at the same time take up to [`DECODING_BYTES`].
pub fn decode_map<P, T, F>(paths: &[P], make: F) -> Vec<Result<T, PhotoFileError>>
where
    P: AsRef<Path> + Sync,
    T: Send,
    F: Fn(usize, Photo) -> T + Sync,
{
    let mut results = Vec::with_capacity(paths.len());
    for block in Blocks::new(paths) {
        let start = results.len();
        let one = |(k, path): (usize, &P)| decode_photo(path).map(|photo| make(start + k, photo));
        results.par_extend(block.par_iter().enumerate().map(one));
    }
    results
}

/// Paths in blocks that can be decoded at the same time.
#[derive(Debug)]
struct Blocks<'a, P> {
    paths: &'a [P],
    /// Bytes that the first paths take; 0 for files that cannot be read, which decoding reports.
    bytes: VecDeque<u64>,
}

impl<'a, P: AsRef<Path> + Sync> Blocks<'a, P> {
    fn new(paths: &'a [P]) -> Self {
        Self {
            paths,
            bytes: VecDeque::new(),
        }
    }
}

impl<'a, P: AsRef<Path> + Sync> Iterator for Blocks<'a, P> {
    type Item = &'a [P];

    fn next(&mut self) -> Option<&'a [P]> {
        let known = self.bytes.len();
        if known < HEADERS {
            let ahead = self.paths.iter().skip(known).take(HEADERS);
            let ahead: Vec<&P> = ahead.collect();
            let bytes: Vec<u64> = ahead
                .par_iter()
                .map(|path| decoding_bytes(path.as_ref()))
                .collect();
            self.bytes.extend(bytes);
        }
        let mut total = self.bytes.pop_front()?;
        let mut count = 1;
        while let Some(bytes) = self.bytes.front() {
            total += bytes;
            if total > DECODING_BYTES {
                break;
            }
            self.bytes.pop_front();
            count += 1;
        }
        let (block, rest) = self.paths.split_at(count);
        self.paths = rest;
        Some(block)
    }
}
