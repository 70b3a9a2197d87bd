//! Pixels of metric tiles, whatever the imagery is kept in.

use rayon::prelude::*;

use super::{SlippyTile, TileSourceError};
use crate::{EquirectangularRaster, Tile, TileSpec};

/// A metric tile, and how much of it the imagery covers.
#[derive(Debug, Clone, PartialEq)]
pub struct CutTile {
    /// The pixels; black where there is no imagery.
    pub tile: Tile,
    /// Share of the samples that imagery covers, in [0, 1].
    pub covered: f64,
    /// Map tiles that are needed and not there. Ground beyond the edges of the Mercator map has no
    /// tiles: it lowers `covered` alone.
    pub missing: Vec<SlippyTile>,
}

/// Imagery out of which metric tiles are cut. Object safe.
pub trait AerialSource: Send + Sync {
    /// Draws a tile: its rotation, pixels and colours as the spec says, in its tangent frame.
    ///
    /// # Errors
    ///
    /// [`TileSourceError`], naming the file, if imagery that is there is damaged.
    fn cut(&self, spec: &TileSpec) -> Result<CutTile, TileSourceError>;
}

/// A map of the whole Earth covers everything.
impl AerialSource for EquirectangularRaster {
    fn cut(&self, spec: &TileSpec) -> Result<CutTile, TileSourceError> {
        Ok(CutTile {
            tile: spec.render(self),
            covered: 1.0,
            missing: Vec::new(),
        })
    }
}

/// Cuts many tiles on all cores; answer k belongs to spec k, and a damaged file spoils only the tiles
/// that show it.
pub fn cut_batch(
    specs: &[TileSpec],
    source: &(impl AerialSource + ?Sized),
) -> Vec<Result<CutTile, TileSourceError>> {
    specs.par_iter().map(|spec| source.cut(spec)).collect()
}
