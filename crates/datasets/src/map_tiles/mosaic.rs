//! Metric tiles out of map tiles.

use std::sync::Arc;

use super::aerial_source::{AerialSource, CutTile};
use super::cut::{Patch, draw};
use super::footprint::{Footprint, TileBlock};
use super::tile_cache::TileCache;
use super::{SlippyGrid, SlippyTile, TileProblem, TileSource, TileSourceError};
use crate::{Photo, Tile, TileSpec};

/// Most map tiles read for one metric tile.
pub const MAX_TILES_PER_CUT: u64 = 1024;
/// Decoded map tiles kept (50 MB of 256-pixel tiles).
const CACHED_TILES: usize = 256;

/// A source of map tiles seen as one image, from Mercator resampled to the tangent frame of each
/// metric tile.
///
/// The zoom level is the coarsest whose pixels are no larger than those of the metric tile
/// ([`SlippyGrid::zoom_for`]); values between map pixels are interpolated bilinearly, across the
/// borders of tiles and the antimeridian. A metric pixel is the mean of up to 8 x 8 samples where map
/// pixels are smaller. The last 256 map tiles are kept decoded.
#[derive(Debug)]
pub struct TileMosaic<S> {
    source: S,
    grid: SlippyGrid,
    cache: TileCache,
}

impl<S: TileSource> TileMosaic<S> {
    /// Tiles of a source, of the size and zoom levels that `grid` says.
    #[must_use]
    pub fn new(source: S, grid: SlippyGrid) -> Self {
        Self {
            source,
            grid,
            cache: TileCache::new(CACHED_TILES),
        }
    }

    /// The source.
    #[must_use]
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Size and zoom levels of the tiles.
    #[must_use]
    pub fn grid(&self) -> SlippyGrid {
        self.grid
    }

    fn read(&self, tile: SlippyTile) -> Result<Option<Arc<Photo>>, TileSourceError> {
        if let Some(photo) = self.cache.get(tile) {
            return Ok(Some(photo));
        }
        let Some(photo) = self.source.read(tile)? else {
            return Ok(None);
        };
        let expected = self.grid.tile_pixels();
        let (width, height) = (photo.width(), photo.height());
        if width != expected || height != expected {
            let problem = TileProblem::Size {
                width,
                height,
                expected,
            };
            return Err(TileSourceError::new(self.source.name_of(tile), problem));
        }
        let photo = Arc::new(photo);
        self.cache.put(tile, &photo);
        Ok(Some(photo))
    }

    fn patch(&self, block: TileBlock) -> Result<(Patch, Vec<SlippyTile>), TileSourceError> {
        let mut missing = Vec::new();
        let mut tiles = Vec::with_capacity(block.len() as usize);
        for tile in block.iter() {
            let photo = self.read(tile)?;
            if photo.is_none() {
                missing.push(tile);
            }
            tiles.push(photo);
        }
        let tile_pixels = self.grid.tile_pixels();
        let patch = Patch {
            block,
            tile_pixels,
            tiles,
        };
        Ok((patch, missing))
    }
}

impl<S: TileSource> AerialSource for TileMosaic<S> {
    fn cut(&self, spec: &TileSpec) -> Result<CutTile, TileSourceError> {
        let meters_per_pixel = 1000.0 * spec.side_km() / spec.pixels() as f64;
        let zoom = self.grid.zoom_for(spec.center().lat(), meters_per_pixel);
        let block = Footprint::of_tile(spec).tiles(zoom, self.grid.tile_pixels());
        let Some(block) = block else {
            let black = vec![0; 3 * spec.pixels() * spec.pixels()];
            return Ok(CutTile {
                tile: Tile::from_rgb(spec.pixels(), black),
                covered: 0.0,
                missing: Vec::new(),
            });
        };
        if block.len() > MAX_TILES_PER_CUT {
            let name = SlippyTile::at(spec.center(), zoom)
                .map_or_else(|| "map tiles".to_owned(), |tile| self.source.name_of(tile));
            let problem = TileProblem::TooManyTiles {
                tiles: block.len(),
                limit: MAX_TILES_PER_CUT,
            };
            return Err(TileSourceError::new(name, problem));
        }
        let (patch, missing) = self.patch(block)?;
        let finest = self.grid.meters_per_pixel(spec.center().lat(), zoom);
        let (tile, covered) = draw(spec, &patch, meters_per_pixel / finest);
        Ok(CutTile {
            tile,
            covered,
            missing,
        })
    }
}
