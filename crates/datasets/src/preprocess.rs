//! From photos to the numbers a network expects, described as data.

use fast_image_resize as fir;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Photo, Tile};

/// How a photo is brought to size before the crop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resize {
    /// The shorter side becomes this many pixels, the longer one `floor(pixels · long / short)`
    /// (as torchvision does); the proportions stay.
    ShorterSide(u32),
    /// Width and height become exactly these, whatever the proportions.
    Exact {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
}

/// The kernel of resizing; all but `Nearest` widen when shrinking, like those of Pillow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// Triangle, support 1.
    Bilinear,
    /// Cubic with a = -0.5, support 2.
    Bicubic,
    /// Windowed sinc, support 3.
    Lanczos3,
}

/// Resize, centre crop and normalisation: value = (byte / 255 - mean) / std per channel.
///
/// Deterministic: the same bytes give the same numbers on every run of one machine.
///
/// # Shapes
///
/// A photo of any size becomes `[3, height, width]`, red first, rows from the top.
///
/// # Examples
///
/// ```
/// use geoloc_datasets::Preprocess;
///
/// let imagenet = Preprocess::imagenet();
/// assert_eq!(imagenet.output_size(), (224, 224));
/// let black = imagenet.apply_rgb(&vec![0; 300 * 400 * 3], 400, 300)?;
/// assert_eq!(black.len(), 3 * 224 * 224);
/// assert!((black[0] - (0.0 - 0.485) / 0.229).abs() < 1e-6);
/// # Ok::<(), geoloc_datasets::PreprocessError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    /// Size before the crop.
    pub resize: Resize,
    /// Width and height of the centre crop; none keeps what [`Resize::Exact`] gives.
    pub crop: Option<(u32, u32)>,
    /// Kernel of resizing.
    pub interpolation: Interpolation,
    /// Mean of each channel, in units of full scale.
    pub mean: [f32; 3],
    /// Deviation of each channel, in units of full scale.
    pub std: [f32; 3],
}

/// Why pixels cannot be preprocessed.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum PreprocessError {
    /// A size is 0 or above 16384.
    #[error("{what} must have 1 to 16384 pixels a side, got {width} x {height}")]
    Size {
        /// Which size.
        what: &'static str,
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// The crop does not fit into the resized photo.
    #[error("the crop of {crop_width} x {crop_height} pixels does not fit into {width} x {height}")]
    Crop {
        /// Columns of the crop.
        crop_width: u32,
        /// Rows of the crop.
        crop_height: u32,
        /// Columns after resizing.
        width: u32,
        /// Rows after resizing.
        height: u32,
    },
    /// The proportions of photos would decide the output's shape.
    #[error("resizing by the shorter side needs a crop, or every photo has another shape")]
    NoCrop,
    /// A mean or deviation is not finite, or a deviation is not positive.
    #[error("mean {mean} and deviation {std} of channel {channel} cannot normalise")]
    Normalisation {
        /// 0 red, 1 green, 2 blue.
        channel: usize,
        /// Its mean.
        mean: f32,
        /// Its deviation.
        std: f32,
    },
    /// The number of bytes is not 3 · width · height.
    #[error("{width} x {height} RGB pixels do not take {bytes} bytes")]
    Length {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Bytes given.
        bytes: usize,
    },
    /// A range of a random change is out of bounds.
    #[error("the change {field} = {value}: {expected}")]
    Augment {
        /// Which field of [`Augment`](crate::Augment).
        field: &'static str,
        /// Its value.
        value: f64,
        /// What it should be.
        expected: &'static str,
    },
    /// The resizer refuses.
    #[error("cannot resize: {0}")]
    Resizer(String),
}

/// Largest side before and after.
const MAX_SIDE: u32 = 16_384;

impl Preprocess {
    /// The usual input of networks trained on `ImageNet`: shorter side 256, crop 224, bilinear.
    #[must_use]
    pub fn imagenet() -> Self {
        Self {
            resize: Resize::ShorterSide(256),
            crop: Some((224, 224)),
            interpolation: Interpolation::Bilinear,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
        }
    }

    /// Squares of `side` pixels from the middle of the photo, values from -1 to 1.
    #[must_use]
    pub fn square(side: u32) -> Self {
        Self {
            resize: Resize::ShorterSide(side),
            crop: Some((side, side)),
            interpolation: Interpolation::Bilinear,
            mean: [0.5; 3],
            std: [0.5; 3],
        }
    }

    /// Whether the numbers make sense, whatever the photo.
    ///
    /// # Errors
    ///
    /// [`PreprocessError`] for sizes of 0, a crop larger than the resized photo, no crop after
    /// [`Resize::ShorterSide`], and deviations that are not positive.
    pub fn check(&self) -> Result<(), PreprocessError> {
        let side = |what, width, height| {
            let good = 1..=MAX_SIDE;
            let error = PreprocessError::Size {
                what,
                width,
                height,
            };
            if good.contains(&width) && good.contains(&height) {
                Ok(())
            } else {
                Err(error)
            }
        };
        let (width, height) = match self.resize {
            Resize::ShorterSide(pixels) => (pixels, pixels),
            Resize::Exact { width, height } => (width, height),
        };
        side("the resized photo", width, height)?;
        match (self.crop, self.resize) {
            (None, Resize::ShorterSide(_)) => return Err(PreprocessError::NoCrop),
            (None, Resize::Exact { .. }) => {}
            (Some((crop_width, crop_height)), _) => {
                side("the crop", crop_width, crop_height)?;
                if crop_width > width || crop_height > height {
                    return Err(PreprocessError::Crop {
                        crop_width,
                        crop_height,
                        width,
                        height,
                    });
                }
            }
        }
        for (channel, (&mean, &std)) in self.mean.iter().zip(&self.std).enumerate() {
            if !(mean.is_finite() && std.is_finite() && std > 0.0) {
                return Err(PreprocessError::Normalisation { channel, mean, std });
            }
        }
        Ok(())
    }

    /// Columns and rows of the output.
    #[must_use]
    pub fn output_size(&self) -> (u32, u32) {
        match (self.crop, self.resize) {
            (Some(size), _) => size,
            (None, Resize::Exact { width, height }) => (width, height),
            (None, Resize::ShorterSide(pixels)) => (pixels, pixels),
        }
    }

    /// Whether a photo of this size can be prepared. A thin one can be too long once its shorter side has
    /// its size: 20,000 x 17 pixels become 301,176 x 256.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check), and [`PreprocessError::Size`].
    pub fn check_photo(&self, width: u32, height: u32) -> Result<(), PreprocessError> {
        self.check()?;
        self.resized(width, height).map(|_| ())
    }

    /// The numbers of a photo, `[3, height, width]`.
    ///
    /// # Errors
    ///
    /// As [`check_photo`](Self::check_photo).
    pub fn apply(&self, photo: &Photo) -> Result<Vec<f32>, PreprocessError> {
        self.apply_rgb(photo.rgb(), photo.width(), photo.height())
    }

    /// The numbers of a tile, `[3, height, width]`.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn apply_tile(&self, tile: &Tile) -> Result<Vec<f32>, PreprocessError> {
        self.apply_rgb(tile.rgb(), tile.pixels() as u32, tile.pixels() as u32)
    }

    /// The numbers of RGB bytes `[row, column, channel]`, `[3, height, width]`.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check), and [`PreprocessError::Length`] or [`PreprocessError::Size`] for
    /// bytes that are not such an image.
    pub fn apply_rgb(
        &self,
        rgb: &[u8],
        width: u32,
        height: u32,
    ) -> Result<Vec<f32>, PreprocessError> {
        Ok(self.normalise(&self.resize_crop(rgb, width, height)?))
    }

    /// `[height, width, 3]` bytes to `[3, height, width]` numbers.
    pub(crate) fn normalise(&self, bytes: &[u8]) -> Vec<f32> {
        let plane = bytes.len() / 3;
        let mut out = vec![0.0; bytes.len()];
        if plane == 0 {
            return out;
        }
        for (c, values) in out.chunks_exact_mut(plane).enumerate() {
            let (mean, std) = (self.mean[c.min(2)], self.std[c.min(2)]);
            for (value, pixel) in values.iter_mut().zip(bytes.chunks_exact(3)) {
                *value = (f32::from(pixel[c.min(2)]) / 255.0 - mean) / std;
            }
        }
        out
    }

    /// Resized and cropped bytes, `[height, width, 3]`, before the normalisation.
    ///
    /// # Errors
    ///
    /// As [`apply_rgb`](Self::apply_rgb).
    pub fn resize_crop(
        &self,
        rgb: &[u8],
        width: u32,
        height: u32,
    ) -> Result<Vec<u8>, PreprocessError> {
        let (resized, (wide, high)) = self.resize(rgb, width, height)?;
        let (crop_wide, crop_high) = self.output_size();
        // Half to even, as torchvision rounds the corner of its centre crop.
        let corner =
            |size: u32, crop: u32| (f64::from(size - crop) / 2.0).round_ties_even() as usize;
        let (left, top) = (corner(wide, crop_wide), corner(high, crop_high));
        let stride = 3 * wide as usize;
        let row = 3 * crop_wide as usize;
        let lines = resized
            .chunks_exact(stride)
            .skip(top)
            .take(crop_high as usize);
        Ok(lines
            .filter_map(|line| line.get(3 * left..3 * left + row))
            .flatten()
            .copied()
            .collect())
    }

    /// The whole photo at the size before the crop, with its columns and rows.
    pub(crate) fn resize(
        &self,
        rgb: &[u8],
        width: u32,
        height: u32,
    ) -> Result<(Vec<u8>, (u32, u32)), PreprocessError> {
        self.check()?;
        let to = self.resized(width, height)?;
        if rgb.len() as u64 != 3 * u64::from(width) * u64::from(height) {
            let bytes = rgb.len();
            return Err(PreprocessError::Length {
                width,
                height,
                bytes,
            });
        }
        Ok((self.resample(rgb, (width, height), to)?, to))
    }

    fn resized(&self, width: u32, height: u32) -> Result<(u32, u32), PreprocessError> {
        if width == 0 || height == 0 {
            let what = "the photo";
            return Err(PreprocessError::Size {
                what,
                width,
                height,
            });
        }
        let (wide, high) = match self.resize {
            Resize::Exact { width, height } => (width, height),
            Resize::ShorterSide(pixels) => {
                let long = |long: u32, short: u32| {
                    let size = u64::from(pixels) * u64::from(long) / u64::from(short);
                    u32::try_from(size).unwrap_or(u32::MAX)
                };
                if width <= height {
                    (pixels, long(height, width))
                } else {
                    (long(width, height), pixels)
                }
            }
        };
        if wide.max(high) > MAX_SIDE {
            let what = "the resized photo";
            return Err(PreprocessError::Size {
                what,
                width: wide,
                height: high,
            });
        }
        Ok((wide, high))
    }

    pub(crate) fn resample(
        &self,
        rgb: &[u8],
        from: (u32, u32),
        to: (u32, u32),
    ) -> Result<Vec<u8>, PreprocessError> {
        if from == to {
            return Ok(rgb.to_vec());
        }
        let algorithm = match self.interpolation {
            Interpolation::Nearest => fir::ResizeAlg::Nearest,
            Interpolation::Bilinear => fir::ResizeAlg::Convolution(fir::FilterType::Bilinear),
            Interpolation::Bicubic => fir::ResizeAlg::Convolution(fir::FilterType::CatmullRom),
            Interpolation::Lanczos3 => fir::ResizeAlg::Convolution(fir::FilterType::Lanczos3),
        };
        let failed = |e: &dyn std::fmt::Display| PreprocessError::Resizer(e.to_string());
        let source = fir::images::ImageRef::new(from.0, from.1, rgb, fir::PixelType::U8x3)
            .map_err(|e| failed(&e))?;
        let mut target = fir::images::Image::new(to.0, to.1, fir::PixelType::U8x3);
        let options = fir::ResizeOptions::new().resize_alg(algorithm);
        fir::Resizer::new()
            .resize(&source, &mut target, &options)
            .map_err(|e| failed(&e))?;
        Ok(target.into_vec())
    }
}
