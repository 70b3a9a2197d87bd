//! Imagery of the whole Earth in the equirectangular projection, with smaller copies for coarse tiles.

use std::io::Cursor;

use fast_image_resize as fir;
use geoloc_geo_cells::{EARTH_RADIUS_KM, LatLng};
use image::RgbImage;
use thiserror::Error;

/// Why an image cannot serve as a map of the whole Earth.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RasterError {
    /// The width is not twice the height, or there is no pixel.
    #[error("a map of the whole Earth is twice as wide as high, got {width} x {height} pixels")]
    Shape {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The number of bytes is not 3 · width · height.
    #[error("{width} x {height} RGB pixels take {expected} bytes, got {found}")]
    Length {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Bytes that these sizes take.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// The encoded image cannot be decoded.
    #[error("cannot decode the image {name}: {source}")]
    Decode {
        /// Which image.
        name: String,
        /// What the decoder says.
        source: image::ImageError,
    },
    /// A smaller copy cannot be made.
    #[error("cannot shrink the map: {0}")]
    Resize(#[from] fir::ResizeError),
}

/// RGB imagery of the whole Earth, plate carree: rows are latitudes, columns longitudes.
///
/// Pixel (column i, row j) of a W x H raster is the square whose **centre** lies at longitude
/// `(i + 0.5) / W * 360 - 180` and latitude `90 - (j + 0.5) / H * 180` degrees. Between the
/// centres, values are interpolated bilinearly; columns wrap at the antimeridian, and a step over
/// a pole lands in the same row half a turn away.
///
/// Smaller copies (box-filtered, each half as high as the one before) serve tiles that are coarser
/// than the raster, so that those are not aliased. Memory: 4 bytes a pixel in all.
#[derive(Debug, Clone)]
pub struct EquirectangularRaster {
    levels: Vec<Level>,
}

/// One copy of the imagery, with a border of one pixel that repeats what lies across the edge.
#[derive(Debug, Clone)]
pub(crate) struct Level {
    width: usize,
    height: usize,
    /// (height + 2) rows of (width + 2) RGB pixels, and one byte more, see `bilinear`.
    padded: Vec<u8>,
}

/// Copies are made down to this height.
const SMALLEST_HEIGHT: u32 = 64;

impl EquirectangularRaster {
    /// Takes RGB bytes, row by row from the north, each row from longitude -180 eastwards.
    ///
    /// # Errors
    ///
    /// [`RasterError::Shape`] unless `width == 2 * height > 0`, [`RasterError::Length`] unless there
    /// are 3 bytes a pixel.
    pub fn new(width: u32, height: u32, rgb: Vec<u8>) -> Result<Self, RasterError> {
        if height == 0 || u64::from(width) != 2 * u64::from(height) {
            return Err(RasterError::Shape { width, height });
        }
        let expected = 3 * width as usize * height as usize;
        if rgb.len() != expected {
            return Err(RasterError::Length {
                width,
                height,
                expected,
                found: rgb.len(),
            });
        }
        let mut levels = vec![Level::new(width as usize, height as usize, &rgb)];
        let mut resizer = fir::Resizer::new();
        let options =
            fir::ResizeOptions::new().resize_alg(fir::ResizeAlg::Convolution(fir::FilterType::Box));
        let mut source = fir::images::Image::from_vec_u8(width, height, rgb, fir::PixelType::U8x3)
            .map_err(|_| RasterError::Shape { width, height })?;
        while source.height() / 2 >= SMALLEST_HEIGHT {
            let h = source.height() / 2;
            let mut half = fir::images::Image::new(2 * h, h, fir::PixelType::U8x3);
            resizer.resize(&source, &mut half, &options)?;
            levels.push(Level::new(2 * h as usize, h as usize, half.buffer()));
            source = half;
        }
        Ok(Self { levels })
    }

    /// Takes a decoded image.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn from_image(image: RgbImage) -> Result<Self, RasterError> {
        let (width, height) = image.dimensions();
        Self::new(width, height, image.into_raw())
    }

    /// Decodes an image file held in memory (JPEG, PNG, GIF or WebP); `name` is for messages.
    ///
    /// # Errors
    ///
    /// [`RasterError::Decode`], or as [`new`](Self::new).
    pub fn from_encoded(name: &str, bytes: &[u8]) -> Result<Self, RasterError> {
        let failed = |source| RasterError::Decode {
            name: name.to_owned(),
            source,
        };
        let reader = image::ImageReader::new(Cursor::new(bytes))
            .with_guessed_format()
            .map_err(|e| failed(e.into()))?;
        Self::from_image(reader.decode().map_err(failed)?.into_rgb8())
    }

    /// Columns of the full raster.
    #[must_use]
    pub fn width(&self) -> usize {
        self.levels.first().map_or(0, |l| l.width)
    }

    /// Rows of the full raster.
    #[must_use]
    pub fn height(&self) -> usize {
        self.levels.first().map_or(0, |l| l.height)
    }

    /// Ground size of a row of the full raster in km: half the circumference over the rows.
    #[must_use]
    pub fn resolution_km(&self) -> f64 {
        std::f64::consts::PI * EARTH_RADIUS_KM / self.height().max(1) as f64
    }

    /// The colour at a place, interpolated bilinearly between the pixel centres of the full raster.
    #[must_use]
    pub fn sample(&self, place: LatLng) -> [u8; 3] {
        let Some(level) = self.levels.first() else {
            return [0; 3];
        };
        let (lat, lng) = (place.lat().to_radians(), place.lng().to_radians());
        let (x, y) = level.pixel_of(lat as f32, lng as f32);
        let [r, g, b, _] = level.bilinear(x, y).map(|v| (v + 0.5) as u8);
        [r, g, b]
    }

    /// The coarsest copy whose rows are still no wider than `step_km`, and its resolution in km.
    pub(crate) fn level_for(&self, step_km: f64) -> Option<(&Level, f64)> {
        let resolution = |l: &Level| std::f64::consts::PI * EARTH_RADIUS_KM / l.height as f64;
        self.levels
            .iter()
            .rev()
            .find(|l| resolution(l) <= step_km)
            .or(self.levels.first())
            .map(|l| (l, resolution(l)))
    }
}

impl Level {
    fn new(width: usize, height: usize, rgb: &[u8]) -> Self {
        let mut padded = Vec::with_capacity(3 * (width + 2) * (height + 2) + 1);
        let row = |j: usize| &rgb[3 * width * j..3 * width * (j + 1)];
        let mut push = |row: &[u8], turned: bool| {
            let (west, east) = row.split_at(row.len() / 2 / 3 * 3);
            let parts = if turned { [east, west] } else { [west, east] };
            let last = parts.concat();
            padded.extend_from_slice(&last[3 * width - 3..]);
            padded.extend_from_slice(&last);
            padded.extend_from_slice(&last[..3]);
        };
        push(row(0), true);
        for j in 0..height {
            push(row(j), false);
        }
        push(row(height - 1), true);
        padded.push(0);
        Self {
            width,
            height,
            padded,
        }
    }

    /// Columns of this copy.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Fractional (column, row) of a latitude and a longitude in radians; whole at pixel centres.
    #[inline]
    pub(crate) fn pixel_of(&self, lat: f32, lng: f32) -> (f32, f32) {
        const PI: f32 = std::f32::consts::PI;
        let x = (lng + PI) * (self.width as f32 / (2.0 * PI)) - 0.5;
        let y = (PI / 2.0 - lat) * (self.height as f32 / PI) - 0.5;
        (x, y)
    }

    /// The colour (and a fourth lane without meaning) at a fractional column in [-0.5, width - 0.5] and row in [-0.5, height - 0.5].
    #[inline]
    pub(crate) fn bilinear(&self, x: f32, y: f32) -> [f32; 4] {
        // One more for the border; a float to integer cast saturates, so no index leaves the buffer.
        let (x, y) = (x + 1.0, y + 1.0);
        let column = (x as usize).min(self.width);
        let line = (y as usize).min(self.height);
        let (fx, fy) = (x - column as f32, y - line as f32);
        let stride = 3 * (self.width + 2);
        let at = line * stride + 3 * column;
        let (Some(&[a, b, c, d, e, f, g]), Some(&[h, i, j, k, l, m, n])) = (
            self.padded.get(at..).and_then(|p| p.first_chunk::<7>()),
            self.padded
                .get(at + stride..)
                .and_then(|p| p.first_chunk::<7>()),
        ) else {
            return [0.0; 4];
        };
        // Four lanes where three matter: the compiler then uses vector instructions.
        let [nw, ne] = [[a, b, c, d], [d, e, f, g]].map(|p| p.map(f32::from));
        let [sw, se] = [[h, i, j, k], [k, l, m, n]].map(|p| p.map(f32::from));
        std::array::from_fn(|c| {
            let upper = nw[c] + (ne[c] - nw[c]) * fx;
            let lower = sw[c] + (se[c] - sw[c]) * fx;
            upper + (lower - upper) * fy
        })
    }
}

#[cfg(test)]
#[path = "raster_tests.rs"]
mod tests;
