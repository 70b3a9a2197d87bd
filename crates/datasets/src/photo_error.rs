//! Why a photo cannot be read, one reason per file.

use std::path::PathBuf;

use thiserror::Error;

use crate::photo::{MAX_FILE_BYTES, MAX_PIXELS_TOTAL, MIN_SIDE};

/// Why bytes or a file are not a photo this library can use.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PhotoError {
    /// There is no such file.
    #[error("no such file")]
    Missing,
    /// The path is a folder.
    #[error("is a folder, not an image file")]
    Folder,
    /// The path is a device, a pipe or a socket.
    #[error("is not a regular file")]
    NotRegular,
    /// The file system refuses.
    #[error("cannot be read: {0}")]
    Io(std::io::Error),
    /// There are no bytes at all.
    #[error("is empty (0 bytes)")]
    Empty,
    /// The file is larger than [`MAX_FILE_BYTES`].
    #[error("has {bytes} bytes, more than the limit of {MAX_FILE_BYTES}")]
    FileTooLarge {
        /// Size of the file.
        bytes: u64,
    },
    /// The content is not one of the formats read, whatever the file is called.
    #[error("is not an image in a supported format (JPEG, PNG, GIF, WebP){looks_like}")]
    UnknownFormat {
        /// What the content looks like instead: empty, or in the form ": it looks like text".
        looks_like: &'static str,
    },
    /// The data stop before the end of the image.
    #[error("is a {format} image cut short: its data end before the image does")]
    Truncated {
        /// Name of the format.
        format: &'static str,
    },
    /// One side has fewer than [`MIN_SIDE`] pixels.
    #[error(
        "has {width} x {height} pixels, too small: at least {MIN_SIDE} x {MIN_SIDE} are needed"
    )]
    TooSmall {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// There are more than [`MAX_PIXELS_TOTAL`] pixels; found before any memory is taken for them.
    #[error("claims {width} x {height} pixels, more than the limit of {MAX_PIXELS_TOTAL} pixels")]
    TooManyPixels {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// So few bytes hold nothing but a blank picture; found before any memory is taken for it.
    #[error("claims {width} x {height} pixels in {bytes} bytes: no photo is that small")]
    Blank {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Size of the file.
        bytes: u64,
    },
    /// The decoder of the format rejects the content.
    #[error("is a damaged or unsupported {format} image: {}", one_line(source))]
    Decode {
        /// Name of the format.
        format: &'static str,
        /// What the decoder says.
        source: image::ImageError,
    },
    /// The decoder of the format failed in a way it should not.
    #[error("is a {format} image on which the decoder broke down")]
    DecoderPanicked {
        /// Name of the format.
        format: &'static str,
    },
}

/// Messages of decoders may span lines; a message per file must not.
fn one_line(error: &image::ImageError) -> String {
    let text = error.to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A [`PhotoError`] with the path of its file.
#[derive(Debug, Error)]
#[error("{}: {source}", path.display())]
pub struct PhotoFileError {
    /// The path as it was given.
    pub path: PathBuf,
    /// What is wrong with it.
    pub source: PhotoError,
}
