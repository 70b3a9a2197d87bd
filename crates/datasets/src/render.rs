//! Drawing tiles: tangent plane to sphere to raster, one row of samples at a time.

use geoloc_geo_cells::EARTH_RADIUS_KM;
use rayon::prelude::*;

use crate::angles::atan2;
use crate::raster::Level;
use crate::{ColorAdjust, EquirectangularRaster, TileSpec};

/// RGB pixels of a square tile, 8 bits a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    pixels: usize,
    rgb: Vec<u8>,
}

impl Tile {
    /// Pixels along a side.
    #[must_use]
    pub fn pixels(&self) -> usize {
        self.pixels
    }

    /// The bytes, `[row, column, channel]`: row 0 at the top, red first.
    #[must_use]
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The bytes, without a copy.
    #[must_use]
    pub fn into_rgb(self) -> Vec<u8> {
        self.rgb
    }

    /// The same pixels as an image.
    #[must_use]
    pub fn to_image(&self) -> image::RgbImage {
        let n = self.pixels as u32;
        image::RgbImage::from_raw(n, n, self.rgb.clone()).unwrap_or_default()
    }
}

/// Draws many tiles of one raster on all cores, in the order of `specs`.
#[must_use]
pub fn render_batch(specs: &[TileSpec], raster: &EquirectangularRaster) -> Vec<Tile> {
    specs.par_iter().map(|spec| render(spec, raster)).collect()
}

/// How finely the samples of a tile are spaced, chosen from the ground sizes of its pixels and of the raster.
struct Sampling<'a> {
    level: &'a Level,
    /// Samples along each side of a tile pixel.
    per_pixel: usize,
    /// Columns of the level that one sample covers at the equator.
    columns: f32,
}

/// A sample spacing of up to this many raster pixels is taken without further samples between.
const STEP: f64 = 1.3;
/// Most samples along the side of a tile pixel, and most taps along a parallel.
const MOST_SAMPLES: usize = 8;
const MOST_TAPS: f32 = 16.0;

pub(crate) fn render(spec: &TileSpec, raster: &EquirectangularRaster) -> Tile {
    let pixels = spec.pixels();
    let mut rgb = vec![0_u8; 3 * pixels * pixels];
    let step_km = spec.side_km() / pixels as f64;
    if let Some((level, resolution_km)) = raster.level_for(step_km) {
        let per_pixel = ((step_km / resolution_km / STEP).ceil() as usize).clamp(1, MOST_SAMPLES);
        let sampling = Sampling {
            level,
            per_pixel,
            columns: (step_km / per_pixel as f64 / resolution_km) as f32,
        };
        draw(spec, &sampling, &mut rgb);
    }
    Tile { pixels, rgb }
}

fn draw(spec: &TileSpec, sampling: &Sampling<'_>, rgb: &mut [u8]) {
    let pixels = spec.pixels();
    let per_pixel = sampling.per_pixel;
    let samples = pixels * per_pixel;
    let [right, up, out] = spec.axes();
    // Radians from the middle of the tile to sample k of a row or column.
    let side = spec.side_km() / EARTH_RADIUS_KM;
    let at = |k: usize| ((k as f64 + 0.5) / samples as f64 - 0.5) * side;
    let mut line = Line::new(samples);
    let mut sums = vec![[0.0_f32; 3]; pixels];
    let share = 1.0 / (per_pixel * per_pixel) as f32;
    for (row, bytes) in rgb.chunks_exact_mut(3 * pixels).enumerate() {
        sums.fill([0.0; 3]);
        for sub in 0..per_pixel {
            let y = -at(row * per_pixel + sub);
            for (k, v) in line.vectors.iter_mut().enumerate() {
                let x = at(k);
                let (cos, sinc) = cos_sinc(x * x + y * y);
                *v = std::array::from_fn(|c| {
                    (cos * out[c] + sinc * (x * right[c] + y * up[c])) as f32
                });
            }
            line.project(sampling.level);
            for (sum, positions) in sums.iter_mut().zip(line.positions.chunks_exact(per_pixel)) {
                for &position in positions {
                    let color = sampling.take(position);
                    for (s, c) in sum.iter_mut().zip(color) {
                        *s += c;
                    }
                }
            }
        }
        write_row(&sums, share, spec.color(), bytes);
    }
}

/// cos c and sin c / c from c²: series up to c = 0.3 rad (error below 1e-12), else exactly.
#[inline]
fn cos_sinc(c2: f64) -> (f64, f64) {
    if c2 < 0.09 {
        let cos = 1.0 - c2 / 2.0 * (1.0 - c2 / 12.0 * (1.0 - c2 / 30.0 * (1.0 - c2 / 56.0)));
        let sinc = 1.0 - c2 / 6.0 * (1.0 - c2 / 20.0 * (1.0 - c2 / 42.0 * (1.0 - c2 / 72.0)));
        (cos, sinc)
    } else {
        let c = c2.sqrt();
        (c.cos(), c.sin() / c)
    }
}

/// The samples of one row: unit vectors, then fractional raster positions and 1 / cos latitude.
struct Line {
    vectors: Vec<[f32; 3]>,
    positions: Vec<[f32; 3]>,
}

impl Line {
    fn new(samples: usize) -> Self {
        Self {
            vectors: vec![[0.0; 3]; samples],
            positions: vec![[0.0; 3]; samples],
        }
    }

    fn project(&mut self, level: &Level) {
        for (position, &[x, y, z]) in self.positions.iter_mut().zip(&self.vectors) {
            let horizontal = (x * x + y * y).sqrt();
            let (column, row) = level.pixel_of(atan2(z, horizontal), atan2(y, x));
            *position = [column, row, 1.0 / horizontal.max(1e-6)];
        }
    }
}

impl Sampling<'_> {
    /// The colour about a position: the mean over as many columns as the sample is wide, since
    /// columns shrink towards the poles while rows do not.
    #[inline]
    fn take(&self, [column, row, stretch]: [f32; 3]) -> [f32; 3] {
        let wide = self.columns * stretch;
        if wide < 1.5 {
            return self.level.bilinear(column, row);
        }
        let width = self.level.width() as f32;
        let wide = wide.min(width);
        let taps = wide.round().min(MOST_TAPS);
        let mut sum = [0.0_f32; 3];
        for tap in 0..taps as u32 {
            let mut at = column + ((tap as f32 + 0.5) / taps - 0.5) * wide;
            if at < -0.5 {
                at += width;
            } else if at > width - 0.5 {
                at -= width;
            }
            for (s, c) in sum.iter_mut().zip(self.level.bilinear(at, row)) {
                *s += c;
            }
        }
        sum.map(|s| s / taps)
    }
}

fn write_row(sums: &[[f32; 3]], share: f32, color: ColorAdjust, bytes: &mut [u8]) {
    let adjust = (color != ColorAdjust::default()).then_some(color);
    for (out, sum) in bytes.chunks_exact_mut(3).zip(sums) {
        let mean = sum.map(|s| s * share);
        let shown = adjust.map_or(mean, |a| a.apply(mean));
        for (byte, value) in out.iter_mut().zip(shown) {
            // The cast saturates at 0 and 255.
            *byte = (value + 0.5) as u8;
        }
    }
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
