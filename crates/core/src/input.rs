//! Preprocessing as data: it travels with the model, so that nobody has to guess it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How a photo becomes the input of a model: resize, centre crop, scale to [0, 1], normalise.
///
/// Channel `c` of a pixel with byte value `v` becomes `(v / 255 - mean[c]) / std[c]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputSpec {
    /// Side of the square input, in pixels.
    pub size: u32,
    /// The shorter side of the photo is resized to this many pixels before the centre crop; at
    /// least `size`.
    pub resize: u32,
    /// Mean of each channel, in units of full scale.
    pub mean: [f32; 3],
    /// Standard deviation of each channel, in units of full scale.
    pub std: [f32; 3],
}

/// Why an [`InputSpec`] makes no sense.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum InputSpecError {
    /// The size is zero, or the photo would be resized below the crop.
    #[error("input size {size} with resize {resize}: need 1 <= size <= resize")]
    Size {
        /// Side of the input.
        size: u32,
        /// Length of the shorter side after the resize.
        resize: u32,
    },
    /// A standard deviation is zero, negative or not finite, or a mean is not finite.
    #[error("channel {channel} has mean {mean} and standard deviation {std}")]
    Normalisation {
        /// 0 red, 1 green, 2 blue.
        channel: usize,
        /// Mean of the channel.
        mean: f32,
        /// Standard deviation of the channel.
        std: f32,
    },
}

impl InputSpec {
    /// A square input without crop, normalised to mean 0.5 and deviation 0.25.
    #[must_use]
    pub fn square(size: u32) -> Self {
        Self {
            size,
            resize: size,
            mean: [0.5; 3],
            std: [0.25; 3],
        }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    ///
    /// [`InputSpecError`] says which number is wrong.
    pub fn validate(&self) -> Result<(), InputSpecError> {
        if self.size == 0 || self.resize < self.size {
            return Err(InputSpecError::Size {
                size: self.size,
                resize: self.resize,
            });
        }
        for (channel, (&mean, &std)) in self.mean.iter().zip(&self.std).enumerate() {
            if !mean.is_finite() || !std.is_finite() || std <= 0.0 {
                return Err(InputSpecError::Normalisation { channel, mean, std });
            }
        }
        Ok(())
    }
}
