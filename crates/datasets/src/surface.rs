//! Which places are land: the map behind "land tiles only".

use std::io::Cursor;

use geoloc_geo_cells::{EARTH_RADIUS_KM, LatLng};

use crate::angles::atan2;
use crate::{RasterError, TileSpec, sphere};

/// What covers a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Surface {
    /// Sea, and the Caspian Sea; other lakes count as land.
    Water,
    /// Land that is not under permanent ice.
    Land,
    /// Land that is white in every view of the Earth: ice sheets, large glaciers, salt flats.
    Ice,
}

/// Water, land and ice on an equirectangular grid, looked up at the nearest pixel.
///
/// The shipped map has pixels of 0.1 degree (11 km along a meridian) drawn from the 1:50 million
/// land polygons of Natural Earth, whose coast is good to a few km: exact enough for the share of
/// land in tiles of 100 km and more, not for telling a beach from the sea.
#[derive(Debug, Clone)]
pub struct SurfaceMap {
    width: usize,
    height: usize,
    cells: Vec<u8>,
}

/// Samples along each side of a tile from which the share of land is taken.
const SAMPLES: usize = 12;

impl SurfaceMap {
    /// Decodes a gray image of the whole Earth: below 64 water, below 192 land, else ice.
    ///
    /// # Errors
    ///
    /// [`RasterError::Decode`], or [`RasterError::Shape`] unless the image is twice as wide as high.
    pub fn from_encoded(name: &str, bytes: &[u8]) -> Result<Self, RasterError> {
        let failed = |source| RasterError::Decode {
            name: name.to_owned(),
            source,
        };
        let reader = image::ImageReader::new(Cursor::new(bytes))
            .with_guessed_format()
            .map_err(|e| failed(e.into()))?;
        let image = reader.decode().map_err(failed)?.into_luma8();
        let (width, height) = image.dimensions();
        if height == 0 || u64::from(width) != 2 * u64::from(height) {
            return Err(RasterError::Shape { width, height });
        }
        Ok(Self {
            width: width as usize,
            height: height as usize,
            cells: image.into_raw(),
        })
    }

    /// What covers a place.
    #[must_use]
    pub fn at(&self, place: LatLng) -> Surface {
        self.at_vector(place.to_unit_vector().map(|v| v as f32))
    }

    fn at_vector(&self, [x, y, z]: [f32; 3]) -> Surface {
        const PI: f32 = std::f32::consts::PI;
        let (lat, lng) = (atan2(z, (x * x + y * y).sqrt()), atan2(y, x));
        let column = ((lng + PI) / (2.0 * PI) * self.width as f32) as usize;
        let row = ((PI / 2.0 - lat) / PI * self.height as f32) as usize;
        let (column, row) = (column.min(self.width - 1), row.min(self.height - 1));
        match self.cells.get(row * self.width + column) {
            Some(0..64) | None => Surface::Water,
            Some(64..192) => Surface::Land,
            Some(_) => Surface::Ice,
        }
    }

    /// Share of the tile that is land without permanent ice, in [0, 1], from 12 x 12 places.
    #[must_use]
    pub fn land_share(&self, tile: &TileSpec) -> f64 {
        let land = self.is_land_at(tile).filter(|&land| land).count();
        land as f64 / (SAMPLES * SAMPLES) as f64
    }

    /// Whether [`land_share`](Self::land_share) is at least `share`; stops looking once that is sure.
    #[must_use]
    pub fn has_land(&self, tile: &TileSpec, share: f64) -> bool {
        let all = (SAMPLES * SAMPLES) as f64;
        let (mut land, mut left) = (0.0, all);
        for is_land in self.is_land_at(tile) {
            land += f64::from(u8::from(is_land));
            left -= 1.0;
            if land / all >= share {
                return true;
            }
            if (land + left) / all < share {
                return false;
            }
        }
        land / all >= share
    }

    /// Land or not at the 12 x 12 places of a tile.
    fn is_land_at(&self, tile: &TileSpec) -> impl Iterator<Item = bool> {
        let [right, up, out] = tile.axes();
        let step = tile.side_km() / EARTH_RADIUS_KM / SAMPLES as f64;
        let at = move |k: usize| (k as f64 + 0.5 - SAMPLES as f64 / 2.0) * step;
        (0..SAMPLES * SAMPLES).map(move |k| {
            let (x, y) = (at(k % SAMPLES), -at(k / SAMPLES));
            let angle = x.hypot(y).max(f64::MIN_POSITIVE);
            let (sin, cos) = angle.sin_cos();
            let sinc = sin / angle;
            let v =
                std::array::from_fn(|c| (cos * out[c] + sinc * (x * right[c] + y * up[c])) as f32);
            self.at_vector(v) == Surface::Land
        })
    }

    /// Centres for a gallery of the whole world: one place for every `spacing_km`² wherever a tile
    /// of `side_km` holds at least `min_land` land, in a Fibonacci lattice (equal area,
    /// near-regular), from north to south. Empty if a length is not a positive number of km.
    #[must_use]
    pub fn land_lattice(&self, spacing_km: f64, side_km: f64, min_land: f64) -> Vec<LatLng> {
        sphere::lattice(spacing_km, 0.0)
            .filter(|&place| {
                TileSpec::new(place, side_km, SAMPLES)
                    .is_ok_and(|tile| self.has_land(&tile, min_land))
            })
            .collect()
    }
}
