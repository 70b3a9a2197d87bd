//! Aerial imagery of cells out of map tiles: which tiles are needed, which are there, and the metric
//! tile of a cell cut out of them.
//!
//! | what | where |
//! |---|---|
//! | a tile of the z/x/y pyramid in Web Mercator | [`SlippyTile`], [`RowOrder`] |
//! | what a tile service offers | [`SlippyGrid`] |
//! | the tiles of one cell, at several scales about one centre | [`TileStack`] |
//! | what a set of cells needs, has and lacks | [`TilePlan`], [`TileInventory`] |
//! | where tiles are read from | [`TileSource`]: [`TileFolder`], `MbTiles` (feature `mbtiles`) |
//! | pixels of a cell | [`AerialSource`]: [`TileMosaic`], [`EquirectangularRaster`](crate::EquirectangularRaster) |
//!
//! Nothing here downloads. A plan is written as a table, for a downloader that keeps to the terms of
//! whoever owns the imagery.
//!
//! # Examples
//!
//! What 154 m squares about two cells need at half a metre a pixel, and what a folder lacks of it:
//!
//! ```
//! use geoloc_datasets::map_tiles::{Depth, SlippyGrid, TileFolder, TilePlan, TileStack};
//! use geoloc_geo_cells::{CellId, LatLng, Level};
//!
//! let cell = CellId::from_lat_lng(LatLng::new(52.37, 4.9)?).parent(Level::try_from(16)?);
//! let cells: Vec<CellId> = cell.into_iter().flat_map(|c| [c, c.edge_neighbors()[0]]).collect();
//! let stack = TileStack::of_side(154.0, 308)?.with_any_rotation();
//! let plan = TilePlan::for_cells(&cells, &stack, &SlippyGrid::new(256, 0, 18)?);
//! let folder = tempfile::tempdir()?;
//! let inventory = plan.check(&TileFolder::new(folder.path()), Depth::Presence);
//! assert_eq!(inventory.missing().count(), plan.len());
//! let mut table = Vec::new();
//! inventory.write_csv(&mut table)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aerial_source;
mod cut;
mod folder;
mod footprint;
mod inventory;
#[cfg(feature = "mbtiles")]
mod mbtiles;
mod mosaic;
mod plan;
mod slippy;
mod source;
mod stack;
mod tile_cache;

pub use aerial_source::{AerialSource, CutTile, cut_batch};
pub use folder::TileFolder;
pub use inventory::{Depth, InventoryRow, TileInventory, TileState};
#[cfg(feature = "mbtiles")]
pub use mbtiles::MbTiles;
pub use mosaic::{MAX_TILES_PER_CUT, TileMosaic};
pub use plan::TilePlan;
pub use slippy::{
    GridError, MAX_MERCATOR_LATITUDE, MAX_ZOOM, RowOrder, SlippyGrid, SlippyTile, SlippyTileError,
};
pub use source::{TileProblem, TileSource, TileSourceError};
pub use stack::TileStack;
