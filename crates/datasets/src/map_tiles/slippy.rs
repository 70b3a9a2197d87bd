//! The pyramid of square tiles over the Web Mercator map.

use std::f64::consts::{PI, TAU};
use std::fmt;

use geoloc_geo_cells::{EARTH_RADIUS_KM, LatLng};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Latitude in degrees at which the square Web Mercator map ends: atan(sinh π).
pub const MAX_MERCATOR_LATITUDE: f64 = 85.051_128_779_806_59;
/// The deepest zoom level handled.
pub const MAX_ZOOM: u8 = 30;

/// Which way the rows of a tile pyramid are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowOrder {
    /// Row 0 in the north: OpenStreetMap and most services ("XYZ").
    #[default]
    Xyz,
    /// Row 0 in the south: the Tile Map Service standard and `MBTiles` files.
    Tms,
}

/// Why three numbers are not a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no tile {zoom}/{x}/{y}: zoom 0 to {MAX_ZOOM}, columns and rows below 2^zoom")]
pub struct SlippyTileError {
    /// Zoom level given.
    pub zoom: u8,
    /// Column given.
    pub x: u32,
    /// Row given.
    pub y: u32,
}

/// One tile of the pyramid: at zoom z the world is 2^z x 2^z tiles; column 0 begins at longitude
/// -180, row 0 at the northern edge (XYZ order; [`row`](Self::row) converts).
///
/// Latitudes are taken as they are, geodetic, as all Web Mercator services do (EPSG:3857).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "(u8, u32, u32)", into = "(u8, u32, u32)")]
pub struct SlippyTile {
    zoom: u8,
    x: u32,
    y: u32,
}

impl TryFrom<(u8, u32, u32)> for SlippyTile {
    type Error = SlippyTileError;
    fn try_from((zoom, x, y): (u8, u32, u32)) -> Result<Self, SlippyTileError> {
        Self::new(zoom, x, y, RowOrder::Xyz)
    }
}

impl From<SlippyTile> for (u8, u32, u32) {
    fn from(tile: SlippyTile) -> Self {
        (tile.zoom, tile.x, tile.y)
    }
}

impl fmt::Display for SlippyTile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.zoom, self.x, self.y)
    }
}

impl SlippyTile {
    /// The tile of column `x` and row `y`, the row counted as `order` says.
    ///
    /// # Errors
    ///
    /// [`SlippyTileError`] for a zoom above [`MAX_ZOOM`] or a column or row of 2^zoom and more.
    pub fn new(zoom: u8, x: u32, y: u32, order: RowOrder) -> Result<Self, SlippyTileError> {
        if zoom > MAX_ZOOM || x >= 1 << zoom || y >= 1 << zoom {
            return Err(SlippyTileError { zoom, x, y });
        }
        Ok(Self::known(zoom, x, flip(zoom, y, order)))
    }

    pub(super) fn known(zoom: u8, x: u32, y: u32) -> Self {
        Self { zoom, x, y }
    }

    /// The tile that holds a place; `None` beyond ±[`MAX_MERCATOR_LATITUDE`] or for a zoom above
    /// [`MAX_ZOOM`].
    #[must_use]
    pub fn at(place: LatLng, zoom: u8) -> Option<Self> {
        if zoom > MAX_ZOOM || place.lat().abs() > MAX_MERCATOR_LATITUDE {
            return None;
        }
        let n = f64::from(1_u32 << zoom);
        let [u, v] = unit_position(place);
        let index = |t: f64| ((t * n).floor().max(0.0) as u32).min((1 << zoom) - 1);
        Some(Self::known(zoom, index(u), index(v)))
    }

    /// Zoom level.
    #[must_use]
    pub fn zoom(self) -> u8 {
        self.zoom
    }

    /// Column, eastwards from longitude -180.
    #[must_use]
    pub fn x(self) -> u32 {
        self.x
    }

    /// Row, counted as `order` says.
    #[must_use]
    pub fn row(self, order: RowOrder) -> u32 {
        flip(self.zoom, self.y, order)
    }

    /// Edges in degrees: west, south, east, north. The east of the last column is 180.
    #[must_use]
    pub fn bounds(self) -> [f64; 4] {
        let n = f64::from(1_u32 << self.zoom);
        let lng = |x: u32| f64::from(x) / n * 360.0 - 180.0;
        let lat = |y: u32| {
            (PI * (1.0 - 2.0 * f64::from(y) / n))
                .sinh()
                .atan()
                .to_degrees()
        };
        [lng(self.x), lat(self.y + 1), lng(self.x + 1), lat(self.y)]
    }

    /// The tile of the next coarser zoom that holds this one; `None` at zoom 0.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        let zoom = self.zoom.checked_sub(1)?;
        Some(Self::known(zoom, self.x / 2, self.y / 2))
    }

    /// The four tiles of the next finer zoom, north-west, north-east, south-west, south-east;
    /// `None` at [`MAX_ZOOM`].
    #[must_use]
    pub fn children(self) -> Option<[Self; 4]> {
        let zoom = self.zoom + 1;
        let child = |dx, dy| Self::known(zoom, 2 * self.x + dx, 2 * self.y + dy);
        (zoom <= MAX_ZOOM).then(|| [child(0, 0), child(1, 0), child(0, 1), child(1, 1)])
    }

    /// The quadkey of Bing Maps: one digit 0 to 3 a zoom level, empty at zoom 0.
    #[must_use]
    pub fn quadkey(self) -> String {
        let digit =
            |bit: u8| char::from(b'0' + (self.x >> bit & 1) as u8 + 2 * (self.y >> bit & 1) as u8);
        (0..self.zoom).rev().map(digit).collect()
    }
}

fn flip(zoom: u8, y: u32, order: RowOrder) -> u32 {
    match order {
        RowOrder::Xyz => y,
        RowOrder::Tms => (1 << zoom) - 1 - y,
    }
}

/// Where a place lies on the map: x in [0, 1) from west to east, y from 0 at the northern edge to 1
/// at the southern, and outside [0, 1] beyond the edges (infinite at the poles).
pub(super) fn unit_position(place: LatLng) -> [f64; 2] {
    let y = place.lat().to_radians().tan().asinh() / TAU;
    [(place.lng() + 180.0) / 360.0, 0.5 - y]
}

/// Why numbers do not describe a tile service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GridError {
    /// Tiles have 16 to 4096 pixels a side.
    #[error("map tiles have 16 to 4096 pixels along a side, got {value}")]
    TilePixels {
        /// The rejected number.
        value: u32,
    },
    /// The zoom levels are not a range within 0 to [`MAX_ZOOM`].
    #[error("zoom levels go up from 0 to at most {MAX_ZOOM}, got {min} to {max}")]
    Zooms {
        /// Coarsest zoom given.
        min: u8,
        /// Finest zoom given.
        max: u8,
    },
}

/// What a tile service offers: pixels along the side of its tiles, and its zoom levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u32, u8, u8)", into = "(u32, u8, u8)")]
pub struct SlippyGrid {
    tile_pixels: u32,
    min_zoom: u8,
    max_zoom: u8,
}

impl TryFrom<(u32, u8, u8)> for SlippyGrid {
    type Error = GridError;
    fn try_from((tile_pixels, min, max): (u32, u8, u8)) -> Result<Self, GridError> {
        Self::new(tile_pixels, min, max)
    }
}

impl From<SlippyGrid> for (u32, u8, u8) {
    fn from(grid: SlippyGrid) -> Self {
        (grid.tile_pixels, grid.min_zoom, grid.max_zoom)
    }
}

impl SlippyGrid {
    /// Tiles of `tile_pixels` a side (usually 256, or 512 for "retina" services) at zoom levels
    /// `min_zoom` to `max_zoom`; equal levels fix the zoom.
    ///
    /// # Errors
    ///
    /// [`GridError`] for tiles outside 16 to 4096 pixels, or levels that are not a range.
    pub fn new(tile_pixels: u32, min_zoom: u8, max_zoom: u8) -> Result<Self, GridError> {
        if !(16..=4096).contains(&tile_pixels) {
            return Err(GridError::TilePixels { value: tile_pixels });
        }
        if min_zoom > max_zoom || max_zoom > MAX_ZOOM {
            let (min, max) = (min_zoom, max_zoom);
            return Err(GridError::Zooms { min, max });
        }
        Ok(Self {
            tile_pixels,
            min_zoom,
            max_zoom,
        })
    }

    /// Pixels along the side of a tile.
    #[must_use]
    pub fn tile_pixels(&self) -> u32 {
        self.tile_pixels
    }

    /// Ground size in metres of a pixel at a latitude and zoom: cos φ · 2πR / (pixels · 2^zoom), with
    /// the mean radius R of the library, since metric tiles are laid out on that sphere. Services
    /// quote the equatorial radius, 0.11 % more.
    #[must_use]
    pub fn meters_per_pixel(&self, lat: f64, zoom: u8) -> f64 {
        let around = TAU * EARTH_RADIUS_KM * 1000.0 * lat.to_radians().cos();
        around / (f64::from(self.tile_pixels) * f64::from(zoom).exp2())
    }

    /// The coarsest zoom on offer whose pixels at that latitude are no larger than
    /// `meters_per_pixel`; the finest on offer if there is none.
    #[must_use]
    pub fn zoom_for(&self, lat: f64, meters_per_pixel: f64) -> u8 {
        let lat = lat.clamp(-MAX_MERCATOR_LATITUDE, MAX_MERCATOR_LATITUDE);
        // The tolerance keeps rounding from asking for four times the tiles.
        let fits = |zoom: &u8| self.meters_per_pixel(lat, *zoom) <= meters_per_pixel * (1.0 + 1e-9);
        (self.min_zoom..self.max_zoom)
            .find(fits)
            .unwrap_or(self.max_zoom)
    }
}
