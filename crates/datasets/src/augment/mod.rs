//! Random changes of photos for training: crop, flip, turn and colours.

mod color;
mod geometry;

use serde::{Deserialize, Serialize};

use crate::stable_hash::{Draws, mix};
use crate::{Photo, Preprocess, PreprocessError};
use color::ColorChange;
use geometry::Placement;

/// How far a training photo may depart from what [`Preprocess`] makes of it; the default changes
/// nothing.
///
/// Changes are applied in the order of the fields: crop, flip, turn, colours, gray. A flip mirrors
/// text and the side of the road that cars drive on.
///
/// # Examples
///
/// ```
/// use geoloc_datasets::{Augment, Photo, Preprocess};
///
/// let photo = Photo::from_rgb(400, 300, vec![90; 400 * 300 * 3])?;
/// let input = Preprocess::imagenet();
/// let changed = Augment::comparison().apply(&photo, &input, 1, 0)?;
/// assert_eq!(changed.len(), 3 * 224 * 224);
/// assert_eq!(changed, Augment::comparison().apply(&photo, &input, 1, 0)?);
/// assert_eq!(Augment::default().apply(&photo, &input, 1, 0)?, input.apply(&photo)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Whether the crop lies anywhere in the resized photo; else it lies in the middle.
    pub random_crop: bool,
    /// Below 1, the crop is a part of the original photo with at least this share of its area and
    /// proportions from 3:4 to 4:3, resized to the output (the random resized crop of torchvision);
    /// `random_crop` does not matter then.
    pub min_area: f64,
    /// Probability that left and right are swapped.
    pub flip: f64,
    /// Largest turn either way in degrees. Corners show what the photo has there; beyond its border
    /// the photo is mirrored.
    pub rotation_deg: f64,
    /// Probability that colours are changed by the four ranges below.
    pub color_share: f64,
    /// Change of the factor of all channels about 1.
    pub brightness: f32,
    /// Change of the factor of the distance from the mean gray of the photo about 1.
    pub contrast: f32,
    /// Change of the factor of the distance from the own gray of each pixel about 1.
    pub saturation: f32,
    /// Largest turn of the hue either way, as a share of a full turn, at most 0.5.
    pub hue: f32,
    /// Probability that the photo becomes gray.
    pub gray: f64,
}

impl Default for Augment {
    fn default() -> Self {
        Self {
            random_crop: false,
            min_area: 1.0,
            flip: 0.0,
            rotation_deg: 0.0,
            color_share: 1.0,
            brightness: 0.0,
            contrast: 0.0,
            saturation: 0.0,
            hue: 0.0,
            gray: 0.0,
        }
    }
}

impl Augment {
    /// The changes of the published comparison of classification with regression: random crop, flip,
    /// turns up to 15 degrees, colours. How strong the colours change is not published; here it is
    /// 20 %.
    #[must_use]
    pub fn comparison() -> Self {
        Self {
            random_crop: true,
            flip: 0.5,
            rotation_deg: 15.0,
            brightness: 0.2,
            contrast: 0.2,
            saturation: 0.2,
            hue: 0.05,
            ..Self::default()
        }
    }

    /// Whether nothing is ever changed.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        let colors = [self.brightness, self.contrast, self.saturation, self.hue];
        !self.random_crop
            && self.min_area >= 1.0
            && self.flip <= 0.0
            && self.rotation_deg == 0.0
            && self.gray <= 0.0
            && (self.color_share <= 0.0 || colors.iter().all(|c| *c == 0.0))
    }

    /// Whether the ranges make sense.
    ///
    /// # Errors
    ///
    /// [`PreprocessError::Augment`] names the first field that does not.
    pub fn check(&self) -> Result<(), PreprocessError> {
        let checks = [
            ("min_area", self.min_area, 1e-3..=1.0, "0.001 to 1"),
            ("flip", self.flip, 0.0..=1.0, "0 to 1"),
            ("rotation_deg", self.rotation_deg, 0.0..=180.0, "0 to 180"),
            ("color_share", self.color_share, 0.0..=1.0, "0 to 1"),
            ("brightness", self.brightness.into(), 0.0..=1.0, "0 to 1"),
            ("contrast", self.contrast.into(), 0.0..=1.0, "0 to 1"),
            ("saturation", self.saturation.into(), 0.0..=1.0, "0 to 1"),
            ("hue", self.hue.into(), 0.0..=0.5, "0 to 0.5"),
            ("gray", self.gray, 0.0..=1.0, "0 to 1"),
        ];
        for (field, value, range, expected) in checks {
            if !range.contains(&value) {
                return Err(PreprocessError::Augment {
                    field,
                    value,
                    expected,
                });
            }
        }
        Ok(())
    }

    /// Whether photos of this size can be changed and prepared, whatever is drawn.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check) and [`Preprocess::check_photo`].
    pub fn check_photo(
        &self,
        input: &Preprocess,
        width: u32,
        height: u32,
    ) -> Result<(), PreprocessError> {
        self.check()?;
        if self.min_area < 1.0 {
            // A part of the photo is resized to the output, whatever its proportions.
            return input.check();
        }
        input.check_photo(width, height)
    }

    /// The numbers of a changed photo, `[3, height, width]`: a pure function of the photo, the
    /// preprocessing, `seed` and `index`.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check) and [`Preprocess::apply`].
    pub fn apply(
        &self,
        photo: &Photo,
        input: &Preprocess,
        seed: u64,
        index: u64,
    ) -> Result<Vec<f32>, PreprocessError> {
        self.check()?;
        let (placement, color) = self.draw(seed, index);
        let mut pixels = placement.apply(photo, input)?;
        color.apply(&mut pixels);
        Ok(input.normalise(&pixels))
    }

    /// All random numbers; each kind of change has a stream of its own, so that one range does not
    /// move the draws of another.
    fn draw(&self, seed: u64, index: u64) -> (Placement, ColorChange) {
        let stream = |kind: u64| Draws::new(mix(seed ^ kind), index);
        let (mut corner, mut part) = (stream(1), stream(2));
        let placement = Placement {
            corner: self.random_crop.then(|| [corner.unit(), corner.unit()]),
            part: (self.min_area < 1.0).then(|| geometry::Part {
                area: self.min_area + (1.0 - self.min_area) * part.unit(),
                proportions: ((4.0_f64 / 3.0).ln() * part.signed()).exp(),
                corner: [part.unit(), part.unit()],
            }),
            flip: stream(3).unit() < self.flip,
            turn: (self.rotation_deg * stream(4).signed()).to_radians(),
        };
        let mut colors = stream(5);
        let changed = colors.unit() < self.color_share;
        let mut about = |range: f32| {
            let x = colors.signed() as f32;
            if changed { range * x } else { 0.0 }
        };
        let color = ColorChange {
            brightness: 1.0 + about(self.brightness),
            contrast: 1.0 + about(self.contrast),
            saturation: 1.0 + about(self.saturation),
            hue: about(self.hue),
            gray: stream(6).unit() < self.gray,
        };
        (placement, color)
    }
}

#[cfg(test)]
mod tests;
