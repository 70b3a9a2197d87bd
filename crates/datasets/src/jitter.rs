//! Random changes of tiles for training: turn, scale, shift and colours.

use serde::{Deserialize, Serialize};

use crate::stable_hash::Draws;
use crate::{TileError, TileSpec};

/// Change of the colours of a tile, applied in the order of the fields; the default changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ColorAdjust {
    /// Factors of red, green and blue.
    pub gain: [f32; 3],
    /// 0 gives gray (Rec. 601 luma), 1 the colours as they are, more gives stronger colours.
    pub saturation: f32,
    /// Factor of the distance from middle gray (127.5).
    pub contrast: f32,
    /// Added at the end, as a fraction of full scale.
    pub brightness: f32,
}

impl Default for ColorAdjust {
    fn default() -> Self {
        Self {
            gain: [1.0; 3],
            saturation: 1.0,
            contrast: 1.0,
            brightness: 0.0,
        }
    }
}

impl ColorAdjust {
    /// The changed colour of one pixel, in units of 0 to 255, not clamped.
    #[must_use]
    pub fn apply(&self, rgb: [f32; 3]) -> [f32; 3] {
        let [r, g, b] = rgb;
        let [r, g, b] = [r * self.gain[0], g * self.gain[1], b * self.gain[2]];
        let luma = 0.299 * r + 0.587 * g + 0.114 * b;
        [r, g, b].map(|v| {
            let v = luma + self.saturation * (v - luma);
            (v - 127.5) * self.contrast + 127.5 + 255.0 * self.brightness
        })
    }
}

/// How far a training tile may depart from its spec; every number is the largest change either way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TileJitter {
    /// Turn in degrees; 180 means any.
    pub rotation_deg: f64,
    /// Change of the side as a fraction of it, below 1.
    pub scale: f64,
    /// Shift along each axis as a fraction of the side.
    pub shift: f64,
    /// As [`ColorAdjust::brightness`].
    pub brightness: f32,
    /// Change of [`ColorAdjust::contrast`] about 1.
    pub contrast: f32,
    /// Change of [`ColorAdjust::saturation`] about 1.
    pub saturation: f32,
    /// Change of each [`ColorAdjust::gain`] about 1.
    pub gain: f32,
}

impl Default for TileJitter {
    /// Any turn up to 10 degrees, scale and shift by up to 5 %, mild colours.
    fn default() -> Self {
        Self {
            rotation_deg: 10.0,
            scale: 0.05,
            shift: 0.05,
            brightness: 0.08,
            contrast: 0.15,
            saturation: 0.2,
            gain: 0.06,
        }
    }
}

impl TileJitter {
    /// No change at all.
    pub const NONE: Self = Self {
        rotation_deg: 0.0,
        scale: 0.0,
        shift: 0.0,
        brightness: 0.0,
        contrast: 0.0,
        saturation: 0.0,
        gain: 0.0,
    };

    /// A changed copy of `spec`: a pure function of the spec, `seed` and `index`.
    ///
    /// # Errors
    ///
    /// [`TileError`] if the changed side or turn is not one of a tile.
    pub fn apply(&self, spec: TileSpec, seed: u64, index: u64) -> Result<TileSpec, TileError> {
        let mut draws = Draws::new(seed, index);
        let turn = self.rotation_deg * draws.signed();
        let scale = 1.0 + self.scale * draws.signed();
        let (east, north) = (draws.signed(), draws.signed());
        let shift_km = self.shift * spec.side_km();
        let mut color = |range: f32| 1.0 + range * draws.signed() as f32;
        let change = ColorAdjust {
            gain: [color(self.gain), color(self.gain), color(self.gain)],
            saturation: color(self.saturation),
            contrast: color(self.contrast),
            brightness: color(self.brightness) - 1.0,
        };
        spec.with_shift(shift_km * east, shift_km * north)
            .with_scale(scale)?
            .with_rotation(spec.rotation_deg() + turn)
            .map(|s| s.with_color(change))
    }

    /// Farthest that the centre moves, in km, for tiles of `side_km`.
    #[must_use]
    pub fn max_shift_km(&self, side_km: f64) -> f64 {
        self.shift.abs() * side_km * std::f64::consts::SQRT_2
    }

    /// Radius in km about the unshifted centre that holds every changed tile of `side_km`.
    #[must_use]
    pub fn max_radius_km(&self, side_km: f64) -> f64 {
        side_km * (1.0 + self.scale.abs()) * std::f64::consts::FRAC_1_SQRT_2
            + self.max_shift_km(side_km)
    }
}
