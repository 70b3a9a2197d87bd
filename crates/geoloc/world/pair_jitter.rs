//! Random changes that both tiles of a pair undergo together.

use serde::{Deserialize, Serialize};

use crate::datasets::{TileError, TileSpec};
use crate::seed::mix;

/// What happens to both tiles of a pair alike: the pair still shows one place, but the model cannot
/// learn places by heart. There are only about a thousand separate tiles of land on the Earth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairJitter {
    /// Largest turn either way, in degrees; 180 means any.
    pub rotation_deg: f64,
    /// Smallest side as a fraction of the tile's, in (0, 1]; sides are drawn evenly up to 1.
    pub min_scale: f64,
    /// Mirror half of the pairs, east to west.
    pub mirror: bool,
}

impl Default for PairJitter {
    /// Any turn, sides from 70 %, half of the pairs mirrored.
    fn default() -> Self {
        Self {
            rotation_deg: 180.0,
            min_scale: 0.7,
            mirror: true,
        }
    }
}

/// One draw of a [`PairJitter`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PairChange {
    rotation_deg: f64,
    scale: f64,
    mirror: bool,
}

impl PairJitter {
    /// Draw number `index`: a pure function of `seed` and `index`.
    pub(super) fn draw(&self, seed: u64, index: u64) -> PairChange {
        let uniform = |what: u64| {
            let bits = mix(mix(seed, index), what) >> 11;
            bits as f64 / (1u64 << 53) as f64
        };
        PairChange {
            rotation_deg: self.rotation_deg * (2.0 * uniform(0) - 1.0),
            scale: self.min_scale + (1.0 - self.min_scale) * uniform(1),
            mirror: self.mirror && uniform(2) < 0.5,
        }
    }
}

impl PairChange {
    /// The change of place, to be made before rendering.
    pub(super) fn apply(&self, spec: TileSpec) -> Result<TileSpec, TileError> {
        let turned = spec.rotation_deg() + self.rotation_deg;
        spec.with_scale(self.scale)?.with_rotation(turned)
    }

    /// The change of pixels, `[row, column, channel]` with `pixels` columns, to be made after.
    pub(super) fn finish(&self, rgb: &mut [u8], pixels: usize) {
        if !self.mirror {
            return;
        }
        for row in rgb.chunks_exact_mut(3 * pixels.max(1)) {
            let (columns, _) = row.as_chunks_mut::<3>();
            columns.reverse();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirroring_swaps_columns_and_keeps_rows_and_channels() {
        let change = PairChange {
            rotation_deg: 0.0,
            scale: 1.0,
            mirror: true,
        };
        let mut rgb: Vec<u8> = (0..12).collect();
        change.finish(&mut rgb, 2);
        assert_eq!(rgb, [3, 4, 5, 0, 1, 2, 9, 10, 11, 6, 7, 8]);
    }

    #[test]
    fn draws_stay_in_their_ranges_and_use_them() {
        let jitter = PairJitter::default();
        let draws: Vec<PairChange> = (0..1000).map(|i| jitter.draw(1, i)).collect();
        assert!(draws.iter().all(|d| d.rotation_deg.abs() <= 180.0));
        assert!(draws.iter().all(|d| (0.7..=1.0).contains(&d.scale)));
        assert!(draws.iter().any(|d| d.rotation_deg < -170.0));
        assert!(draws.iter().any(|d| d.scale < 0.71));
        let mirrored = draws.iter().filter(|d| d.mirror).count();
        assert!((450..550).contains(&mirrored), "{mirrored}");
        assert_eq!(draws[7], jitter.draw(1, 7));
    }
}
