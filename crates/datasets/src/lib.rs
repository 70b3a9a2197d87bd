//! Photos, world imagery, splits, decoding and preprocessing for image geolocalization.
//!
//! Burn-free: pixels are plain bytes and `f32` slices.

mod angles;
mod jitter;
mod raster;
mod render;
mod sphere;
mod stable_hash;
mod surface;
mod tile_spec;
#[cfg(feature = "world")]
pub mod world;
mod world_split;

pub use jitter::{ColorAdjust, TileJitter};
pub use raster::{EquirectangularRaster, RasterError};
pub use render::{Tile, render_batch};
pub use stable_hash::stable_hash;
pub use surface::{Surface, SurfaceMap};
pub use tile_spec::{MAX_PIXELS, MAX_SIDE_KM, TileError, TileSpec};
#[cfg(feature = "world")]
pub use world::View;
pub use world_split::{LongitudeBand, WorldSplit, WorldSplitConfig, WorldSplitError};
