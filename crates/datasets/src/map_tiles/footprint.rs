//! Which tiles of one zoom level lie under a square or a circle on the ground.

use geoloc_geo_cells::{EARTH_RADIUS_KM, LatLng};

use super::slippy::{SlippyTile, unit_position};
use crate::{TileSpec, sphere};

/// Points taken along each side of a square.
const POINTS: usize = 64;
/// Share of the extent added on all sides, for the bend of a side between two points: below 1e-3 of
/// the side for squares up to a few thousand km, which a test checks.
const SLACK: f64 = 0.002;
/// Map pixels added on all sides: bilinear interpolation reaches half a pixel further.
const REACH_PIXELS: f64 = 0.75;

/// Bounds on the map; columns are not folded: `west` may be below 0 and `east` above 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Footprint {
    west: f64,
    east: f64,
    north: f64,
    south: f64,
}

/// A block of tiles of one zoom level; columns wrap at the antimeridian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TileBlock {
    pub(super) zoom: u8,
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) columns: u32,
    pub(super) rows: u32,
}

impl Footprint {
    /// What a tile shows.
    pub(super) fn of_tile(spec: &TileSpec) -> Self {
        let center = spec.center();
        let radius_deg = (spec.radius_km() / EARTH_RADIUS_KM).to_degrees();
        if center.lat().abs() + radius_deg >= 90.0 {
            return Self::of_circle(center, spec.radius_km());
        }
        let n = spec.pixels() as f64;
        let [middle, _] = unit_position(center);
        let mut bounds = Self {
            west: f64::INFINITY,
            east: f64::NEG_INFINITY,
            north: f64::INFINITY,
            south: f64::NEG_INFINITY,
        };
        for k in 0..POINTS {
            let t = n * k as f64 / POINTS as f64;
            for (column, row) in [(t, 0.0), (n, t), (n - t, n), (0.0, n - t)] {
                let place = spec.place_at(column, row);
                let x = middle + sphere::lng_difference(place.lng(), center.lng()) / 360.0;
                let [_, y] = unit_position(place);
                bounds.west = bounds.west.min(x);
                bounds.east = bounds.east.max(x);
                bounds.north = bounds.north.min(y);
                bounds.south = bounds.south.max(y);
            }
        }
        bounds.widened(SLACK * (bounds.east - bounds.west).max(bounds.south - bounds.north))
    }

    /// Everything within a distance: what a tile can show in any rotation.
    pub(super) fn of_circle(center: LatLng, radius_km: f64) -> Self {
        let radius_deg = (radius_km / EARTH_RADIUS_KM).to_degrees();
        let [middle, _] = unit_position(center);
        let half = sphere::half_width_deg(center.lat(), radius_km) / 360.0;
        let row = |lat: f64| {
            let lat = lat.clamp(-90.0, 90.0);
            LatLng::new(lat, 0.0).map_or(0.5, |place| unit_position(place)[1])
        };
        Self {
            west: middle - half,
            east: middle + half,
            north: row(center.lat() + radius_deg),
            south: row(center.lat() - radius_deg),
        }
    }

    fn widened(self, by: f64) -> Self {
        Self {
            west: self.west - by,
            east: self.east + by,
            north: self.north - by,
            south: self.south + by,
        }
    }

    /// The tiles of a zoom level that are touched, those included which interpolation reads;
    /// `None` if all of it lies beyond ±[`MAX_MERCATOR_LATITUDE`](super::MAX_MERCATOR_LATITUDE).
    pub(super) fn tiles(self, zoom: u8, tile_pixels: u32) -> Option<TileBlock> {
        let n = f64::from(zoom).exp2();
        let reach = self.widened(REACH_PIXELS / (n * f64::from(tile_pixels)));
        if self.south < 0.0 || self.north > 1.0 {
            return None;
        }
        let count = 1_u32 << zoom;
        let row = |y: f64| ((y * n).floor().max(0.0) as u32).min(count - 1);
        let (y, last) = (row(reach.north), row(reach.south));
        let (first, end) = ((reach.west * n).floor(), (reach.east * n).floor());
        let columns = end - first + 1.0;
        let (x, columns) = if columns >= n {
            (0, count)
        } else {
            (first.rem_euclid(n) as u32, columns as u32)
        };
        Some(TileBlock {
            zoom,
            x: x.min(count - 1),
            y,
            columns,
            rows: last - y + 1,
        })
    }

    /// Whether a part lies beyond ±[`MAX_MERCATOR_LATITUDE`](super::MAX_MERCATOR_LATITUDE).
    pub(super) fn leaves_the_map(self) -> bool {
        self.north < 0.0 || self.south > 1.0
    }
}

impl TileBlock {
    /// Number of tiles.
    pub(super) fn len(self) -> u64 {
        u64::from(self.columns) * u64::from(self.rows)
    }

    /// The tiles, row by row.
    pub(super) fn iter(self) -> impl Iterator<Item = SlippyTile> {
        let count = 1_u32 << self.zoom;
        (0..self.rows).flat_map(move |dy| {
            (0..self.columns).map(move |dx| {
                let x = (u64::from(self.x) + u64::from(dx)) % u64::from(count);
                SlippyTile::known(self.zoom, x as u32, self.y + dy)
            })
        })
    }

    /// The place of a tile in [`iter`](Self::iter).
    pub(super) fn position(self, x: u32, y: u32) -> Option<usize> {
        let count = 1_u64 << self.zoom;
        let dx = (u64::from(x) + count - u64::from(self.x)) % count;
        let dy = y.checked_sub(self.y)?;
        (dx < u64::from(self.columns) && dy < self.rows)
            .then(|| dy as usize * self.columns as usize + dx as usize)
    }
}
