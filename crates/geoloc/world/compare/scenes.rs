//! Kinds of terrain, in the place of scenes.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::core::{TargetEncoder, TargetError};
use crate::datasets::View;
use crate::geo_cells::LatLng;
use crate::losses::{CellClasses, SceneCells};
use crate::world::{WorldError, WorldTask};

/// Side in pixels of the tiles that terrain is judged by.
const PIXELS: u32 = 8;

/// The right cell of a place and how rugged its relief tile is: three kinds, equally frequent among
/// the places that it was made from.
///
/// ISN (Müller-Budack et al. 2018) takes its scenes (indoor, nature, city) from a classifier of photos.
/// A view from above has none of them; this is the division that its pixels allow.
#[derive(Clone, Debug)]
pub struct TerrainCells {
    cells: CellClasses,
    task: WorldTask,
    /// Ruggedness that divides the kinds.
    bounds: [f64; 2],
}

impl TerrainCells {
    /// Number of kinds.
    pub const KINDS: usize = 3;

    /// Finds the bounds of the kinds on `places`.
    ///
    /// # Errors
    ///
    /// [`WorldError`] if there are no places or a tile cannot be drawn.
    pub fn new(
        cells: CellClasses,
        task: &WorldTask,
        places: &[LatLng],
    ) -> Result<Self, WorldError> {
        let task = task.at_pixels(PIXELS);
        let mut values = ruggedness(&task, places)?;
        values.sort_unstable_by(f64::total_cmp);
        let at = |part: usize| values.get(values.len() * part / Self::KINDS).copied();
        let bounds = [1, 2].map(|part| at(part).ok_or(WorldError::NoPlace));
        let [low, high] = bounds;
        Ok(Self {
            cells,
            task,
            bounds: [low?, high?],
        })
    }

    fn kind(&self, ruggedness: f64) -> i32 {
        let [low, high] = self.bounds;
        i32::from(ruggedness >= low) + i32::from(ruggedness >= high)
    }
}

/// Standard deviation of the gray levels of the relief tile of each place.
fn ruggedness(task: &WorldTask, places: &[LatLng]) -> Result<Vec<f64>, WorldError> {
    let deviation = |rgb: Vec<u8>| {
        let gray: Vec<f64> = rgb
            .chunks_exact(3)
            .map(|p| p.iter().map(|&v| f64::from(v)).sum::<f64>() / 3.0)
            .collect();
        let n = gray.len().max(1) as f64;
        let mean = gray.iter().sum::<f64>() / n;
        (gray.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / n).sqrt()
    };
    let tiles = task.tiles(View::Query, places)?;
    Ok(tiles.into_iter().map(deviation).collect())
}

impl TargetEncoder for TerrainCells {
    type Target = SceneCells;

    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<SceneCells, TargetError> {
        let cells = self.cells.encode(truth, device)?;
        let kinds: Vec<i32> = ruggedness(&self.task, truth)
            .map_err(|e| TargetError::Other {
                reason: e.to_string(),
            })?
            .into_iter()
            .map(|r| self.kind(r))
            .collect();
        let scenes = Tensor::<1, Int>::from_data(TensorData::new(kinds, [truth.len()]), device);
        Ok(SceneCells { cells, scenes })
    }
}
