//! Photos, world imagery, splits, decoding and preprocessing for image geolocalization.
//!
//! Burn-free: pixels are plain bytes and `f32` slices.
//!
//! | what | where |
//! |---|---|
//! | imagery of the Earth inside the crate | `world`, `View` (feature `world`, on by default) |
//! | undistorted tiles of any place | [`TileSpec`], [`render_batch`], [`TileJitter`] |
//! | map tiles (z/x/y) that cells need, and metric tiles cut out of them | [`map_tiles`] |
//! | training and held-out places of the world | [`WorldSplit`] |
//! | photos from files, with EXIF | [`decode_photo`], [`decode_all`], [`list_images`] |
//! | numbers for a network | [`Preprocess`] |
//! | random changes of photos for training | [`Augment`] |
//! | labelled photos | [`read_manifest`], [`read_class_folder`], [`Sample`] |
//! | splits of labelled photos | [`Shares`], [`split_stratified`], [`split_stratified_groups`], [`split_by_block`], [`LeakAudit`] |
#![cfg_attr(
    feature = "world",
    doc = "
# Examples

A pair of tiles of the Alps, as the two views show them:

```
use geoloc_datasets::{TileSpec, View};
use geoloc_geo_cells::LatLng;

let spec = TileSpec::new(LatLng::new(46.5, 8.0)?, 384.0, 48)?;
let query = spec.render(&*View::Query.raster()?);
let aerial = spec.render(&*View::Aerial.raster()?);
assert_eq!(query.rgb().len(), 48 * 48 * 3);
assert_ne!(query, aerial);
# Ok::<(), Box<dyn std::error::Error>>(())
```
"
)]

mod angles;
mod augment;
mod class_folder;
mod decoding;
mod exif_location;
mod group_split;
mod image_folder;
mod jitter;
mod jpeg_end;
mod leak_audit;
mod longitude_band;
mod manifest;
pub mod map_tiles;
mod nearest;
mod photo;
mod photo_error;
mod preprocess;
mod raster;
mod render;
mod resolved_path;
mod sample;
mod sphere;
mod splits;
mod stable_hash;
mod surface;
mod tile_spec;
#[cfg(feature = "world")]
pub mod world;
mod world_split;
mod world_split_config;

pub use augment::Augment;
pub use class_folder::{ClassFolder, read_class_folder};
pub use decoding::{DECODING_BYTES, DecodeAll, decode_all, decode_map};
pub use exif_location::ExifLocation;
pub use group_split::split_stratified_groups;
pub use image_folder::{ImageFolder, PassReason, PassedOver, PassedPath, list_images};
pub use jitter::{ColorAdjust, TileJitter};
pub use leak_audit::{LeakAudit, nearest_km};
pub use longitude_band::LongitudeBand;
pub use manifest::{
    Manifest, ManifestColumns, ManifestError, parse_manifest, read_manifest, read_manifest_with,
};
pub use photo::{
    MAX_FILE_BYTES, MAX_PIXELS_TOTAL, MIN_SIDE, Photo, PhotoSizeError, decode_photo,
    decode_photo_bytes,
};
pub use photo_error::{PhotoError, PhotoFileError};
pub use preprocess::{Interpolation, Preprocess, PreprocessError, Resize};
pub use raster::{EquirectangularRaster, RasterError};
pub use render::{Tile, render_batch};
pub use sample::Sample;
pub use splits::{Part, Shares, SharesError, split_by_block, split_stratified};
pub use stable_hash::stable_hash;
pub use surface::{Surface, SurfaceMap};
pub use tile_spec::{MAX_PIXELS, MAX_SIDE_KM, TileError, TileSpec};
#[cfg(feature = "world")]
pub use world::View;
pub use world_split::WorldSplit;
pub use world_split_config::{WorldSplitConfig, WorldSplitError};
