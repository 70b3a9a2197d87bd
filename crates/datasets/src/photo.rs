//! Reading photos: any supported file in, upright RGB pixels and the camera's position out.

use std::io::{Cursor, ErrorKind, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};
use thiserror::Error;

use crate::exif_location::{ExifFacts, ExifLocation, read_exif};
use crate::jpeg_end::jpeg_is_complete;
use crate::photo_error::{PhotoError, PhotoFileError};

/// Fewest pixels along either side.
pub const MIN_SIDE: u32 = 16;
/// Most pixels of a photo (120 million: cameras of 108 million pixels pass), checked in the header
/// before memory is taken for the pixels.
pub const MAX_PIXELS_TOTAL: u64 = 120_000_000;
/// Largest file that is read, in bytes (256 MiB).
pub const MAX_FILE_BYTES: u64 = 256 << 20;
/// Most pixels for a byte of the file, beyond [`BLANK_PIXELS`]: no compression of a photo comes near,
/// but a file of 86 bytes may claim a canvas of 100 million pixels.
const MAX_PIXELS_PER_BYTE: u64 = 10_000;
/// Pixels up to which a picture may be blank.
const BLANK_PIXELS: u64 = 16_000_000;
/// Most pixels for a byte of a JPEG file: a block of 8 x 8 pixels takes a bit or more, in its first
/// scan alone, and colours may have a quarter of the blocks.
const MAX_JPEG_PIXELS_PER_BYTE: u64 = 1024;
/// Bytes of a file in which its header is looked for first.
const HEAD_BYTES: u64 = 256 << 10;

/// A photo: upright 8-bit RGB pixels, and where its EXIF data say it was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Photo {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
    exif_location: ExifLocation,
}

/// Bytes that are not the pixels of a photo.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{bytes} bytes are not {width} x {height} pixels of 3 bytes, with 1 pixel or more a side")]
pub struct PhotoSizeError {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes given.
    pub bytes: usize,
}

impl Photo {
    /// A photo of pixels that are there already, `[row, column, channel]`; it has no EXIF data.
    ///
    /// # Errors
    ///
    /// [`PhotoSizeError`] unless there are `3 * width * height` bytes and at least one.
    pub fn from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Result<Self, PhotoSizeError> {
        let expected = 3 * u64::from(width) * u64::from(height);
        if expected == 0 || rgb.len() as u64 != expected {
            return Err(PhotoSizeError {
                width,
                height,
                bytes: rgb.len(),
            });
        }
        Ok(Self {
            width,
            height,
            rgb,
            exif_location: ExifLocation::default(),
        })
    }

    /// Columns, after the turn that EXIF asks for.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows, after the turn that EXIF asks for.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The bytes, `[row, column, channel]`: row 0 at the top, red first.
    #[must_use]
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The bytes, without a copy.
    #[must_use]
    pub fn into_rgb(self) -> Vec<u8> {
        self.rgb
    }

    /// The position in the EXIF data, or why there is none.
    #[must_use]
    pub fn exif_location(&self) -> &ExifLocation {
        &self.exif_location
    }
}

/// Reads a photo from a file. The format is told by the content, not by the name.
///
/// JPEG (also CMYK), PNG (also 16 bits, gray, palette), GIF and WebP are read. The orientation in
/// EXIF is applied. Of an animation the **first frame** is taken. Transparent pixels are laid over
/// **white**; 16-bit values are scaled to 8 bits. A JPEG without its end marker counts as cut short.
///
/// # Errors
///
/// [`PhotoFileError`]: the path and a [`PhotoError`].
pub fn decode_photo(path: impl AsRef<Path>) -> Result<Photo, PhotoFileError> {
    let path = path.as_ref();
    read_file(path)
        .and_then(|bytes| decode_photo_bytes(&bytes))
        .map_err(|source| PhotoFileError {
            path: path.to_path_buf(),
            source,
        })
}

/// Reads a photo from the bytes of its file, as [`decode_photo`] does.
///
/// # Errors
///
/// [`PhotoError`], never one of those about files.
pub fn decode_photo_bytes(bytes: &[u8]) -> Result<Photo, PhotoError> {
    if bytes.is_empty() {
        return Err(PhotoError::Empty);
    }
    let (format, name) = sniff(bytes)?;
    // Decoders check their input, but one that panics must not take the other photos with it.
    let image = catch_unwind(AssertUnwindSafe(|| decode(bytes, format, name)))
        .unwrap_or(Err(PhotoError::DecoderPanicked { format: name }))?;
    let exif = catch_unwind(|| read_exif(bytes)).unwrap_or_else(|_| ExifFacts {
        orientation: None,
        location: ExifLocation::Malformed {
            reason: "the EXIF data are so damaged that their reader broke down".into(),
        },
    });
    let rgb = over_white(upright(image, exif.orientation));
    let (width, height) = rgb.dimensions();
    Ok(Photo {
        width,
        height,
        rgb: rgb.into_raw(),
        exif_location: exif.location,
    })
}

pub(crate) fn file_error(error: std::io::Error) -> PhotoError {
    match error.kind() {
        ErrorKind::NotFound => PhotoError::Missing,
        _ => PhotoError::Io(error),
    }
}

/// The opened file and its length.
fn open_file(path: &Path) -> Result<(std::fs::File, u64), PhotoError> {
    let meta = std::fs::metadata(path).map_err(file_error)?;
    if meta.is_dir() {
        return Err(PhotoError::Folder);
    }
    if !meta.is_file() {
        return Err(PhotoError::NotRegular);
    }
    if meta.len() > MAX_FILE_BYTES {
        return Err(PhotoError::FileTooLarge { bytes: meta.len() });
    }
    let file = std::fs::File::open(path).map_err(file_error)?;
    Ok((file, meta.len()))
}

fn read_file(path: &Path) -> Result<Vec<u8>, PhotoError> {
    let (file, length) = open_file(path)?;
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(MAX_FILE_BYTES)
        .read_to_end(&mut bytes)
        .map_err(file_error)?;
    Ok(bytes)
}

/// The format by the first bytes.
fn sniff(bytes: &[u8]) -> Result<(ImageFormat, &'static str), PhotoError> {
    match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => Ok((ImageFormat::Jpeg, "JPEG")),
        Ok(ImageFormat::Png) => Ok((ImageFormat::Png, "PNG")),
        Ok(ImageFormat::Gif) => Ok((ImageFormat::Gif, "GIF")),
        Ok(ImageFormat::WebP) => Ok((ImageFormat::WebP, "WebP")),
        other => Err(PhotoError::UnknownFormat {
            looks_like: looks_like(bytes, other.is_ok()),
        }),
    }
}

fn looks_like(bytes: &[u8], other_image: bool) -> &'static str {
    let head = bytes.get(..bytes.len().min(512)).unwrap_or(bytes);
    if head.get(4..8) == Some(b"ftyp") {
        ": it looks like HEIC, AVIF or a video"
    } else if other_image {
        ": it looks like an image of another format"
    } else if head
        .iter()
        .all(|b| matches!(b, 9 | 10 | 13 | 32..=126 | 128..))
    {
        ": it looks like text"
    } else {
        ""
    }
}

/// Decodes the first frame as it is stored.
fn decode(
    bytes: &[u8],
    format: ImageFormat,
    name: &'static str,
) -> Result<DynamicImage, PhotoError> {
    let failed = |source: ImageError| match &source {
        ImageError::IoError(e) if e.kind() == ErrorKind::UnexpectedEof => {
            PhotoError::Truncated { format: name }
        }
        _ => PhotoError::Decode {
            format: name,
            source,
        },
    };
    if let Some((width, height)) = header_size(bytes) {
        check_size(width, height, bytes)?;
    }
    // The JPEG decoder fills what is missing with gray: a cut file must be told apart before.
    if format == ImageFormat::Jpeg && !jpeg_is_complete(bytes) {
        return Err(PhotoError::Truncated { format: name });
    }
    let decoder = decoder(bytes, format).map_err(failed)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, bytes)?;
    let pixels = u64::from(width) * u64::from(height);
    if format == ImageFormat::Jpeg && pixels > MAX_JPEG_PIXELS_PER_BYTE * bytes.len() as u64 {
        return Err(PhotoError::Truncated { format: name });
    }
    DynamicImage::from_decoder(decoder).map_err(failed)
}

/// The decoder, which has read the header. It may take 8 bytes for each pixel, and 64 MiB for the rest
/// of the file: profiles and notes are compressed too.
fn decoder(bytes: &[u8], format: ImageFormat) -> Result<impl ImageDecoder + use<'_>, ImageError> {
    let pixels = header_size(bytes).map_or(MAX_PIXELS_TOTAL, |(width, height)| {
        u64::from(width) * u64::from(height)
    });
    let mut limits = Limits::default();
    limits.max_alloc = Some(8 * pixels + (64 << 20));
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    reader.into_decoder()
}

/// About how many bytes decoding a file takes at most, told by its header: the file twice, the decoded
/// pixels, and a copy of 3 bytes a pixel, as turning and converting make. 0 if there is no good header.
pub(crate) fn decoding_bytes(path: &Path) -> u64 {
    let of = |bytes: &[u8]| {
        let (format, _) = sniff(bytes).ok()?;
        let decoder = catch_unwind(AssertUnwindSafe(|| {
            let decoder = decoder(bytes, format).ok()?;
            let (width, height) = decoder.dimensions();
            Some((u64::from(width) * u64::from(height), decoder.total_bytes()))
        }));
        decoder.ok().flatten()
    };
    let Ok((file, length)) = open_file(path) else {
        return 0;
    };
    let mut head = Vec::new();
    if file.take(HEAD_BYTES).read_to_end(&mut head).is_err() {
        return 0;
    }
    // Some headers stand behind a long note or profile, or are read only with what follows.
    let found = of(&head).or_else(|| {
        let long = length > HEAD_BYTES;
        long.then(|| read_file(path).ok())
            .flatten()
            .and_then(|bytes| of(&bytes))
    });
    match found {
        Some((pixels, decoded)) if pixels <= MAX_PIXELS_TOTAL => 2 * length + decoded + 3 * pixels,
        // Nothing is decoded.
        _ => 0,
    }
}

/// The size in the header of a PNG or GIF file, which their decoders tell only once they have seen
/// what follows.
fn header_size(bytes: &[u8]) -> Option<(u32, u32)> {
    if let Some(header) = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR") {
        let (width, rest) = header.split_first_chunk::<4>()?;
        let height = rest.first_chunk::<4>()?;
        return Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)));
    }
    let header = bytes
        .strip_prefix(b"GIF89a")
        .or_else(|| bytes.strip_prefix(b"GIF87a"))?;
    let &[a, b, c, d] = header.first_chunk::<4>()?;
    Some((
        u16::from_le_bytes([a, b]).into(),
        u16::from_le_bytes([c, d]).into(),
    ))
}

fn check_size(width: u32, height: u32, file: &[u8]) -> Result<(), PhotoError> {
    let pixels = u64::from(width) * u64::from(height);
    let bytes = file.len() as u64;
    if pixels > MAX_PIXELS_TOTAL {
        Err(PhotoError::TooManyPixels { width, height })
    } else if pixels > BLANK_PIXELS && pixels > MAX_PIXELS_PER_BYTE * bytes {
        Err(PhotoError::Blank {
            width,
            height,
            bytes,
        })
    } else if width < MIN_SIDE || height < MIN_SIDE {
        Err(PhotoError::TooSmall { width, height })
    } else {
        Ok(())
    }
}

/// Applies the orientation number of EXIF (1 to 8; anything else means upright).
fn upright(mut image: DynamicImage, orientation: Option<u32>) -> DynamicImage {
    let number = orientation.and_then(|n| u8::try_from(n).ok());
    if let Some(turn) = number.and_then(Orientation::from_exif) {
        image.apply_orientation(turn);
    }
    image
}

/// 8-bit RGB, transparent pixels laid over white.
fn over_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let rgba = image.into_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [r, g, b, a] = rgba.get_pixel(x, y).0;
        let alpha = u32::from(a);
        let blend = |v: u8| ((u32::from(v) * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        image::Rgb([blend(r), blend(g), blend(b)])
    })
}
