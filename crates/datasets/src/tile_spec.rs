//! What a tile shows: where, how large, how turned, and with which colours.

use geoloc_geo_cells::{EARTH_RADIUS_KM, LatLng};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{ColorAdjust, EquirectangularRaster, Tile, sphere};

/// Longest side of a tile in km: its corners then lie a quarter turn from its centre.
pub const MAX_SIDE_KM: f64 = 14_000.0;
/// Most pixels along a side of a tile.
pub const MAX_PIXELS: usize = 8192;

/// Why a tile cannot be described so.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum TileError {
    /// The side is not a number of km in (0, [`MAX_SIDE_KM`]].
    #[error("a tile's side must lie in (0, {MAX_SIDE_KM}] km, got {value}")]
    Side {
        /// The rejected value, in km.
        value: f64,
    },
    /// The number of pixels is 0 or above [`MAX_PIXELS`].
    #[error("a tile has 1 to {MAX_PIXELS} pixels along a side, got {value}")]
    Pixels {
        /// The rejected number.
        value: usize,
    },
    /// The rotation is NaN or infinite.
    #[error("a tile's rotation must be a finite number of degrees, got {value}")]
    Rotation {
        /// The rejected value, in degrees.
        value: f64,
    },
}

/// A square tile of the Earth: its centre, its side, the heading of its upper edge, its pixels.
///
/// The projection is azimuthal equidistant about the centre: a pixel at (x, y) km from the middle
/// shows the place at √(x² + y²) km along the great circle in that direction. Distances from the
/// centre are exact; across, the scale is off by ρ²/(6R²) at distance ρ, which is 0.03 % in the
/// corner of a tile of 384 km and 0.2 % in that of one of 1,000 km. Nothing special happens at the
/// poles or at the antimeridian.
///
/// # Examples
///
/// ```
/// use geoloc_datasets::{EquirectangularRaster, TileSpec};
/// use geoloc_geo_cells::LatLng;
///
/// let gray = EquirectangularRaster::new(8, 4, vec![128; 8 * 4 * 3])?;
/// let tile = TileSpec::new(LatLng::new(90.0, 0.0)?, 384.0, 32)?.render(&gray);
/// assert_eq!(tile.rgb(), vec![128; 32 * 32 * 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawSpec", into = "RawSpec")]
pub struct TileSpec {
    center: LatLng,
    side_km: f64,
    rotation_deg: f64,
    pixels: usize,
    color: ColorAdjust,
}

/// The serialised form, checked on the way in.
#[derive(Serialize, Deserialize)]
struct RawSpec {
    center: LatLng,
    side_km: f64,
    #[serde(default)]
    rotation_deg: f64,
    pixels: usize,
    #[serde(default)]
    color: ColorAdjust,
}

impl TryFrom<RawSpec> for TileSpec {
    type Error = TileError;
    fn try_from(raw: RawSpec) -> Result<Self, TileError> {
        Ok(Self::new(raw.center, raw.side_km, raw.pixels)?
            .with_rotation(raw.rotation_deg)?
            .with_color(raw.color))
    }
}

impl From<TileSpec> for RawSpec {
    fn from(spec: TileSpec) -> Self {
        Self {
            center: spec.center,
            side_km: spec.side_km,
            rotation_deg: spec.rotation_deg,
            pixels: spec.pixels,
            color: spec.color,
        }
    }
}

impl TileSpec {
    /// A tile with north up: `side_km` km and `pixels` pixels along each side.
    ///
    /// # Errors
    ///
    /// [`TileError`] for a side outside (0, [`MAX_SIDE_KM`]] or pixels outside 1..=[`MAX_PIXELS`].
    pub fn new(center: LatLng, side_km: f64, pixels: usize) -> Result<Self, TileError> {
        if !(side_km > 0.0 && side_km <= MAX_SIDE_KM) {
            return Err(TileError::Side { value: side_km });
        }
        if !(1..=MAX_PIXELS).contains(&pixels) {
            return Err(TileError::Pixels { value: pixels });
        }
        Ok(Self {
            center,
            side_km,
            rotation_deg: 0.0,
            pixels,
            color: ColorAdjust::default(),
        })
    }

    /// The same tile with its upper edge facing `rotation_deg` degrees clockwise from north.
    ///
    /// # Errors
    ///
    /// [`TileError::Rotation`] if the number is not finite.
    pub fn with_rotation(mut self, rotation_deg: f64) -> Result<Self, TileError> {
        if !rotation_deg.is_finite() {
            return Err(TileError::Rotation {
                value: rotation_deg,
            });
        }
        self.rotation_deg = rotation_deg.rem_euclid(360.0);
        Ok(self)
    }

    /// The same tile `factor` times as large on the ground.
    ///
    /// # Errors
    ///
    /// [`TileError::Side`] if the new side lies outside (0, [`MAX_SIDE_KM`]].
    pub fn with_scale(self, factor: f64) -> Result<Self, TileError> {
        let value = self.side_km * factor;
        if !(value > 0.0 && value <= MAX_SIDE_KM) {
            return Err(TileError::Side { value });
        }
        Ok(Self {
            side_km: value,
            ..self
        })
    }

    /// The same tile about the place `east_km` east and `north_km` north of its centre, along the
    /// great circle in that direction. Steps that are not finite leave the centre where it is.
    #[must_use]
    pub fn with_shift(self, east_km: f64, north_km: f64) -> Self {
        Self {
            center: sphere::offset(self.center, east_km, north_km),
            ..self
        }
    }

    /// The same tile with its colours changed after rendering.
    #[must_use]
    pub fn with_color(self, color: ColorAdjust) -> Self {
        Self { color, ..self }
    }

    /// The place in the middle.
    #[must_use]
    pub fn center(&self) -> LatLng {
        self.center
    }

    /// Length of a side in km.
    #[must_use]
    pub fn side_km(&self) -> f64 {
        self.side_km
    }

    /// Heading of the upper edge in degrees clockwise from north, in [0, 360).
    #[must_use]
    pub fn rotation_deg(&self) -> f64 {
        self.rotation_deg
    }

    /// Pixels along a side.
    #[must_use]
    pub fn pixels(&self) -> usize {
        self.pixels
    }

    /// Change of colours.
    #[must_use]
    pub fn color(&self) -> ColorAdjust {
        self.color
    }

    /// Radius in km of the circle about the centre that holds the whole tile: half the diagonal.
    #[must_use]
    pub fn radius_km(&self) -> f64 {
        self.side_km * std::f64::consts::FRAC_1_SQRT_2
    }

    /// The place shown at `column`, `row` (pixel i spans [i, i + 1); the upper left corner is (0, 0)).
    #[must_use]
    pub fn place_at(&self, column: f64, row: f64) -> LatLng {
        let [right, up, out] = self.axes();
        let n = self.pixels as f64;
        let x = (column / n - 0.5) * self.side_km / EARTH_RADIUS_KM;
        let y = (0.5 - row / n) * self.side_km / EARTH_RADIUS_KM;
        let angle = x.hypot(y);
        let sinc = if angle > 0.0 {
            angle.sin() / angle
        } else {
            1.0
        };
        let cos = angle.cos();
        let v = std::array::from_fn(|k| cos * out[k] + sinc * (x * right[k] + y * up[k]));
        LatLng::from_vector(v).unwrap_or(self.center)
    }

    /// Unit vectors to the right, upwards and out of the Earth at the centre.
    pub(crate) fn axes(&self) -> [[f64; 3]; 3] {
        let (east, north) = sphere::east_north(self.center);
        let (sin, cos) = self.rotation_deg.to_radians().sin_cos();
        [
            std::array::from_fn(|k| cos * east[k] - sin * north[k]),
            std::array::from_fn(|k| cos * north[k] + sin * east[k]),
            self.center.to_unit_vector(),
        ]
    }

    /// Draws the tile from a map of the whole Earth.
    #[must_use]
    pub fn render(&self, raster: &EquirectangularRaster) -> Tile {
        crate::render::render(self, raster)
    }
}
