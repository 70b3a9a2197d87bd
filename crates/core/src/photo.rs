//! Decoded pixels, as the library hands them around.

use thiserror::Error;

/// A decoded photo: RGB bytes, row by row from the top, three bytes a pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

/// The number of bytes does not fit the size.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a photo of {width} x {height} pixels needs {expected} bytes, not {found}")]
pub struct PhotoSizeError {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Bytes that the size needs.
    pub expected: usize,
    /// Bytes given.
    pub found: usize,
}

impl Photo {
    /// Wraps `3 * width * height` bytes.
    ///
    /// # Errors
    ///
    /// [`PhotoSizeError`] if the number of bytes differs, or if a side is zero.
    pub fn new(width: u32, height: u32, pixels: Vec<u8>) -> Result<Self, PhotoSizeError> {
        let expected = (width as usize)
            .saturating_mul(height as usize)
            .saturating_mul(3);
        if pixels.len() != expected || expected == 0 {
            return Err(PhotoSizeError {
                width,
                height,
                expected,
                found: pixels.len(),
            });
        }
        Ok(Self {
            width,
            height,
            pixels,
        })
    }

    /// Width in pixels, at least 1.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels, at least 1.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The bytes: red, green, blue, row by row from the top.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}
