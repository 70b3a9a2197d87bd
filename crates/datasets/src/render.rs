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
    /// Takes `3 * pixels * pixels` bytes.
    pub(crate) fn from_rgb(pixels: usize, rgb: Vec<u8>) -> Self {
        debug_assert_eq!(rgb.len(), 3 * pixels * pixels);
        Self { pixels, rgb }
    }

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
        image::RgbImage::from_fn(n, n, |x, y| {
            let at = 3 * (y * n + x) as usize;
            image::Rgb([self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]])
        })
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
    let mut line = Line::new(spec, pixels * per_pixel);
    let mut sums = vec![[0.0_f32; 4]; pixels];
    let share = 1.0 / (per_pixel * per_pixel) as f32;
    for (row, bytes) in rgb.chunks_exact_mut(3 * pixels).enumerate() {
        sums.fill([0.0; 4]);
        for sub in 0..per_pixel {
            line.project(row * per_pixel + sub, sampling.level);
            for (sum, samples) in sums.iter_mut().zip(line.samples.chunks_exact(per_pixel)) {
                for &sample in samples {
                    add(sum, sampling.take(sample));
                }
            }
        }
        write_row(&sums, share, spec.color(), bytes);
    }
}

/// Adds to a running sum of colours.
#[inline]
pub(crate) fn add(sum: &mut [f32; 4], color: [f32; 4]) {
    for (s, c) in sum.iter_mut().zip(color) {
        *s += c;
    }
}

/// Where a sample falls: fractional column and row of the raster, and 1 / cos latitude.
#[derive(Clone, Copy, Default)]
struct Sample {
    column: f32,
    row: f32,
    stretch: f32,
}

/// One row of samples on its way from the tangent plane to the raster.
///
/// Single precision: a unit vector is then good to 1e-7 (0.6 m on the ground), far below a pixel.
struct Line {
    axes: [[f32; 3]; 3],
    /// Radians from the middle of the tile to sample k of a row or column.
    at: Vec<f32>,
    /// Tiles beyond 0.3 rad from middle to corner (about 2,700 km a side) take exact sines.
    large: bool,
    vectors: [Vec<f32>; 3],
    samples: Vec<Sample>,
}

impl Line {
    fn new(spec: &TileSpec, samples: usize) -> Self {
        let side = spec.side_km() / EARTH_RADIUS_KM;
        let at = |k: usize| (((k as f64 + 0.5) / samples as f64 - 0.5) * side) as f32;
        Self {
            axes: spec.axes().map(|axis| axis.map(|v| v as f32)),
            at: (0..samples).map(at).collect(),
            large: spec.radius_km() / EARTH_RADIUS_KM > 0.3,
            vectors: std::array::from_fn(|_| vec![0.0; samples]),
            samples: vec![Sample::default(); samples],
        }
    }

    /// Finds the samples of row `row` of the tile.
    fn project(&mut self, row: usize, level: &Level) {
        let y = -self.at[row];
        if self.large {
            self.lift(y, |c2| {
                let c = c2.sqrt().max(f32::MIN_POSITIVE);
                (c.cos(), c.sin() / c)
            });
        } else {
            // Series of cos c and sin c / c in c²; the first terms left out are below 2e-9.
            self.lift(y, |c2| {
                let cos = 1.0 - c2 / 2.0 * (1.0 - c2 / 12.0 * (1.0 - c2 / 30.0));
                let sinc = 1.0 - c2 / 6.0 * (1.0 - c2 / 20.0 * (1.0 - c2 / 42.0));
                (cos, sinc)
            });
        }
        let [xs, ys, zs] = &self.vectors;
        for (((sample, &x), &y), &z) in self.samples.iter_mut().zip(xs).zip(ys).zip(zs) {
            let horizontal = (x * x + y * y).sqrt();
            let (column, row) = level.pixel_of(atan2(z, horizontal), atan2(y, x));
            *sample = Sample {
                column,
                row,
                stretch: 1.0 / horizontal.max(1e-6),
            };
        }
    }

    /// Lifts the row at `y` from the tangent plane to the sphere (the exponential map).
    #[inline]
    fn lift(&mut self, y: f32, cos_sinc: impl Fn(f32) -> (f32, f32)) {
        let [right, up, out] = self.axes;
        for (c, values) in self.vectors.iter_mut().enumerate() {
            let (right, up, out) = (right[c], up[c], out[c]);
            for (value, &x) in values.iter_mut().zip(&self.at) {
                let (cos, sinc) = cos_sinc(x * x + y * y);
                *value = cos * out + sinc * (x * right + y * up);
            }
        }
    }
}

impl Sampling<'_> {
    /// The colour about a position: the mean over as many columns as the sample is wide, since
    /// columns shrink towards the poles while rows do not.
    #[inline]
    fn take(&self, sample: Sample) -> [f32; 4] {
        let wide = self.columns * sample.stretch;
        if wide < 1.5 {
            return self.level.bilinear(sample.column, sample.row);
        }
        let width = self.level.width() as f32;
        let wide = wide.min(width);
        let taps = wide.round().min(MOST_TAPS);
        let mut sum = [0.0_f32; 4];
        for tap in 0..taps as u32 {
            let mut at = sample.column + ((tap as f32 + 0.5) / taps - 0.5) * wide;
            if at < -0.5 {
                at += width;
            } else if at > width - 0.5 {
                at -= width;
            }
            add(&mut sum, self.level.bilinear(at, sample.row));
        }
        sum.map(|s| s / taps)
    }
}

pub(crate) fn write_row(sums: &[[f32; 4]], share: f32, color: ColorAdjust, bytes: &mut [u8]) {
    let adjust = (color != ColorAdjust::default()).then_some(color);
    for (out, sum) in bytes.chunks_exact_mut(3).zip(sums) {
        let [r, g, b, _] = sum.map(|s| s * share);
        let mean = [r, g, b];
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
