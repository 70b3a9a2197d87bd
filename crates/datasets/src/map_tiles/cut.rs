//! Resampling from the Mercator map to the tangent frame of a metric tile.

use std::f64::consts::TAU;
use std::sync::Arc;

use geoloc_geo_cells::EARTH_RADIUS_KM;

use super::footprint::TileBlock;
use crate::render::{add, write_row};
use crate::{Photo, Tile, TileSpec};

/// Map pixels that a step between samples may span.
const STEP: f64 = 1.3;
/// Most samples along the side of a pixel.
const MOST_SAMPLES: usize = 8;

/// A block of map tiles, some of which may be missing.
pub(super) struct Patch {
    pub(super) block: TileBlock,
    pub(super) tile_pixels: u32,
    /// In the order of [`TileBlock::iter`].
    pub(super) tiles: Vec<Option<Arc<Photo>>>,
}

impl Patch {
    /// The colour of a map pixel, counted from the north-west corner of the map; columns wrap, rows
    /// stop at the edges.
    fn pixel(&self, column: i64, row: i64) -> Option<[f32; 4]> {
        let side = i64::from(self.tile_pixels);
        let across = side << self.block.zoom;
        let (column, row) = (column.rem_euclid(across), row.clamp(0, across - 1));
        let at = self
            .block
            .position((column / side) as u32, (row / side) as u32)?;
        let photo = self.tiles.get(at)?.as_ref()?;
        let start = 3 * ((row % side) * side + column % side) as usize;
        let &[r, g, b] = photo.rgb().get(start..)?.first_chunk::<3>()?;
        Some([f32::from(r), f32::from(g), f32::from(b), 0.0])
    }

    /// The colour at a position of the map, both coordinates in [0, 1]; `None` where the tile that
    /// holds it is missing. Next to a missing tile the pixels that are there decide alone.
    fn sample(&self, x: f64, y: f64) -> Option<[f32; 4]> {
        if !(0.0..=1.0).contains(&y) {
            return None;
        }
        let across = f64::from(self.tile_pixels) * f64::from(self.block.zoom).exp2();
        let (column, row) = (x * across, y * across);
        self.pixel(column.floor() as i64, row.floor() as i64)?;
        let (left, top) = ((column - 0.5).floor(), (row - 0.5).floor());
        let (fx, fy) = ((column - 0.5 - left) as f32, (row - 0.5 - top) as f32);
        let (mut sum, mut total) = ([0.0_f32; 4], 0.0);
        for (dx, dy, weight) in [
            (0, 0, (1.0 - fx) * (1.0 - fy)),
            (1, 0, fx * (1.0 - fy)),
            (0, 1, (1.0 - fx) * fy),
            (1, 1, fx * fy),
        ] {
            if let Some(color) = self.pixel(left as i64 + dx, top as i64 + dy) {
                add(&mut sum, color.map(|c| c * weight));
                total += weight;
            }
        }
        Some(sum.map(|s| s / total))
    }
}

/// Draws a tile; `ratio` is the size of its pixels over that of map pixels. Answers also which share
/// of the samples had imagery.
pub(super) fn draw(spec: &TileSpec, patch: &Patch, ratio: f64) -> (Tile, f64) {
    let pixels = spec.pixels();
    let per_pixel = ((ratio / STEP).ceil() as usize).clamp(1, MOST_SAMPLES);
    let samples = pixels * per_pixel;
    let side = spec.side_km() / EARTH_RADIUS_KM;
    let at = |k: usize| ((k as f64 + 0.5) / samples as f64 - 0.5) * side;
    let axes = spec.axes();
    let mut rgb = vec![0_u8; 3 * pixels * pixels];
    let mut sums = vec![[0.0_f32; 4]; pixels];
    let mut counts = vec![0_u32; pixels];
    let mut covered = 0_u64;
    for (row, bytes) in rgb.chunks_exact_mut(3 * pixels).enumerate() {
        sums.fill([0.0; 4]);
        counts.fill(0);
        for line in row * per_pixel..(row + 1) * per_pixel {
            let y = -at(line);
            for k in 0..samples {
                let [u, v] = project(axes, at(k), y);
                let taken = patch.sample(u, v);
                let column = k / per_pixel;
                if let (Some(color), Some(sum), Some(count)) =
                    (taken, sums.get_mut(column), counts.get_mut(column))
                {
                    add(sum, color);
                    *count += 1;
                }
            }
        }
        for (sum, &count) in sums.iter_mut().zip(&counts) {
            covered += u64::from(count);
            *sum = sum.map(|s| s / count.max(1) as f32);
        }
        write_row(&sums, 1.0, spec.color(), bytes);
        for (pixel, &count) in bytes.chunks_exact_mut(3).zip(&counts) {
            if count == 0 {
                pixel.fill(0);
            }
        }
    }
    let share = covered as f64 / (samples * samples) as f64;
    (Tile::from_rgb(pixels, rgb), share)
}

/// Where the point `x` radians right of and `y` above the middle lies on the map (exponential map,
/// then Mercator).
fn project([right, up, out]: [[f64; 3]; 3], x: f64, y: f64) -> [f64; 2] {
    let angle = x.hypot(y);
    let (sin, cos) = angle.sin_cos();
    let sinc = if angle > 0.0 { sin / angle } else { 1.0 };
    let [px, py, pz]: [f64; 3] =
        std::array::from_fn(|k| cos * out[k] + sinc * (x * right[k] + y * up[k]));
    // asinh(tan φ) = asinh(z / √(x² + y²)), which loses no digits near the equator or the poles.
    let northing = (pz / px.hypot(py)).asinh();
    [py.atan2(px) / TAU + 0.5, 0.5 - northing / TAU]
}
