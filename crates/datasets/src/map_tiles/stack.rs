//! The metric tiles of one cell.

use geoloc_geo_cells::LatLng;
use serde::{Deserialize, Serialize};

use super::TileSourceError;
use super::aerial_source::{AerialSource, CutTile};
use crate::{TileError, TileSpec};

/// Square tiles of one number of pixels and one or several ground sizes about the same centre
/// (levels of detail, as Fervers and others stack them), and how far training moves them.
///
/// # Examples
///
/// ```
/// use geoloc_datasets::map_tiles::TileStack;
/// use geoloc_geo_cells::LatLng;
///
/// let stack = TileStack::new(384, &[0.2, 0.4, 0.8, 1.6])?;
/// let sides: Vec<f64> = stack.specs(LatLng::new(42.36, -71.06)?).map(|s| s.side_km()).collect();
/// assert!((sides[0] - 0.0768).abs() < 1e-12 && (sides[3] - 0.6144).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawStack", into = "RawStack")]
pub struct TileStack {
    pixels: usize,
    meters_per_pixel: Vec<f64>,
    shift_m: f64,
    any_rotation: bool,
}

#[derive(Serialize, Deserialize)]
struct RawStack {
    pixels: usize,
    meters_per_pixel: Vec<f64>,
    #[serde(default)]
    shift_m: f64,
    #[serde(default)]
    any_rotation: bool,
}

impl TryFrom<RawStack> for TileStack {
    type Error = TileError;
    fn try_from(raw: RawStack) -> Result<Self, TileError> {
        let mut stack = Self::new(raw.pixels, &raw.meters_per_pixel)?.with_shift(raw.shift_m)?;
        stack.any_rotation = raw.any_rotation;
        Ok(stack)
    }
}

impl From<TileStack> for RawStack {
    fn from(stack: TileStack) -> Self {
        Self {
            pixels: stack.pixels,
            meters_per_pixel: stack.meters_per_pixel,
            shift_m: stack.shift_m,
            any_rotation: stack.any_rotation,
        }
    }
}

impl TileStack {
    /// One tile of `pixels` a side for each ground size of a pixel.
    ///
    /// # Errors
    ///
    /// [`TileError`] if a tile cannot be described so, or there is no scale.
    pub fn new(pixels: usize, meters_per_pixel: &[f64]) -> Result<Self, TileError> {
        if meters_per_pixel.is_empty() {
            return Err(TileError::Side { value: 0.0 });
        }
        for scale in meters_per_pixel {
            TileSpec::new(LatLng::default(), scale * pixels as f64 / 1000.0, pixels)?;
        }
        Ok(Self {
            pixels,
            meters_per_pixel: meters_per_pixel.to_vec(),
            shift_m: 0.0,
            any_rotation: false,
        })
    }

    /// One tile of `side_m` metres.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn of_side(side_m: f64, pixels: usize) -> Result<Self, TileError> {
        Self::new(pixels, &[side_m / pixels as f64])
    }

    /// The same tiles, which training shifts by up to `shift_m` metres in any direction.
    ///
    /// # Errors
    ///
    /// [`TileError::Side`] if that is not a number of metres from 0 to 1,000 km.
    pub fn with_shift(mut self, shift_m: f64) -> Result<Self, TileError> {
        if !(0.0..=1e6).contains(&shift_m) {
            return Err(TileError::Side {
                value: shift_m / 1000.0,
            });
        }
        self.shift_m = shift_m;
        Ok(self)
    }

    /// The same tiles, which training rotates by any angle.
    #[must_use]
    pub fn with_any_rotation(mut self) -> Self {
        self.any_rotation = true;
        self
    }

    /// Pixels along the side of each tile.
    #[must_use]
    pub fn pixels(&self) -> usize {
        self.pixels
    }

    /// Ground size of a pixel in metres, tile by tile.
    #[must_use]
    pub fn meters_per_pixel(&self) -> &[f64] {
        &self.meters_per_pixel
    }

    /// The tiles about a centre, north up.
    pub fn specs(&self, center: LatLng) -> impl Iterator<Item = TileSpec> {
        self.meters_per_pixel.iter().filter_map(move |scale| {
            // Checked when the stack was made.
            TileSpec::new(center, scale * self.pixels as f64 / 1000.0, self.pixels).ok()
        })
    }

    /// Radius in km of the circle that holds a tile however training moves it; `None` if the tile
    /// itself is all that is shown.
    pub(super) fn reach_km(&self, spec: &TileSpec) -> Option<f64> {
        (self.any_rotation || self.shift_m > 0.0).then(|| spec.radius_km() + self.shift_m / 1000.0)
    }

    /// Cuts all tiles about a centre.
    ///
    /// # Errors
    ///
    /// [`TileSourceError`], naming the file, for the first tile that shows damaged imagery.
    pub fn cut(
        &self,
        center: LatLng,
        source: &(impl AerialSource + ?Sized),
    ) -> Result<Vec<CutTile>, TileSourceError> {
        self.specs(center).map(|spec| source.cut(&spec)).collect()
    }
}
