//! Where the pixels of a changed photo come from.

use crate::{Photo, Preprocess, PreprocessError};

/// Crop, flip and turn of one photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placement {
    /// Corner of the crop as shares of the room that it has; `None` for the middle.
    pub(super) corner: Option<[f64; 2]>,
    /// Part of the original photo that is resized to the output, in place of a crop.
    pub(super) part: Option<Part>,
    pub(super) flip: bool,
    /// In radians.
    pub(super) turn: f64,
}

/// A part of a photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    /// Share of the area of the photo.
    pub(super) area: f64,
    /// Width over height.
    pub(super) proportions: f64,
    /// Corner as shares of the room that it has.
    pub(super) corner: [f64; 2],
}

/// Pixels with their columns and rows.
pub(super) struct Picture {
    pub(super) rgb: Vec<u8>,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Placement {
    /// `[height, width, 3]` bytes of the size that `input` gives.
    pub(super) fn apply(
        &self,
        photo: &Photo,
        input: &Preprocess,
    ) -> Result<Vec<u8>, PreprocessError> {
        input.check()?;
        let (wide, high) = input.output_size();
        if let Some(part) = self.part {
            let (rgb, from) = part.of(photo);
            let picture = Picture {
                rgb: input.resample(&rgb, from, (wide, high))?,
                width: wide as usize,
                height: high as usize,
            };
            return Ok(self.sample(&picture, [0, 0], [wide as usize, high as usize]));
        }
        let (rgb, size) = input.resize(photo.rgb(), photo.width(), photo.height())?;
        let picture = Picture {
            rgb,
            width: size.0 as usize,
            height: size.1 as usize,
        };
        let room = [size.0 - wide, size.1 - high];
        let corner = match self.corner {
            Some(shares) => [0, 1].map(|k| pick(shares[k], room[k])),
            None => room.map(|room| (f64::from(room) / 2.0).round_ties_even() as usize),
        };
        Ok(self.sample(&picture, corner, [wide as usize, high as usize]))
    }

    /// The crop of `size` at `corner`, flipped, then turned about its middle.
    pub(super) fn sample(
        &self,
        picture: &Picture,
        corner: [usize; 2],
        [wide, high]: [usize; 2],
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(3 * wide * high);
        if self.turn == 0.0 {
            for y in 0..high {
                for x in 0..wide {
                    let x = if self.flip { wide - 1 - x } else { x };
                    out.extend(picture.pixel(corner[0] + x, corner[1] + y));
                }
            }
            return out;
        }
        let middle = [wide, high].map(|side| (side as f64 - 1.0) / 2.0);
        let (sin, cos) = self.turn.sin_cos();
        for y in 0..high {
            for x in 0..wide {
                let (u, v) = (x as f64 - middle[0], y as f64 - middle[1]);
                let (u, v) = (cos * u + sin * v, cos * v - sin * u);
                let u = if self.flip { -u } else { u };
                let at = [u + middle[0], v + middle[1]];
                out.extend(picture.between(at[0] + corner[0] as f64, at[1] + corner[1] as f64));
            }
        }
        out
    }
}

impl Part {
    /// The pixels of the part, and its columns and rows.
    fn of(&self, photo: &Photo) -> (Vec<u8>, (u32, u32)) {
        let (width, height) = (f64::from(photo.width()), f64::from(photo.height()));
        let area = self.area * width * height;
        // A part that is too wide or too high keeps its area as far as the photo allows.
        let wide = (area * self.proportions).sqrt().min(width);
        let high = (area / wide).min(height);
        let wide = (area / high).min(width);
        let side = |length: f64, most: u32| (length.round() as u32).clamp(1, most);
        let (wide, high) = (side(wide, photo.width()), side(high, photo.height()));
        let left = pick(self.corner[0], photo.width() - wide);
        let top = pick(self.corner[1], photo.height() - high);
        let row = 3 * wide as usize;
        let rgb = photo
            .rgb()
            .chunks_exact(3 * photo.width() as usize)
            .skip(top)
            .take(high as usize)
            .filter_map(|line| line.get(3 * left..3 * left + row))
            .flatten()
            .copied()
            .collect();
        (rgb, (wide, high))
    }
}

/// One of `room + 1` positions.
fn pick(share: f64, room: u32) -> usize {
    ((share * (f64::from(room) + 1.0)) as usize).min(room as usize)
}

impl Picture {
    fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let at = 3 * (y * self.width + x);
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// The colour between pixels, bilinear; beyond the border the picture is mirrored.
    fn between(&self, x: f64, y: f64) -> [u8; 3] {
        let (x0, y0) = (x.floor(), y.floor());
        let (fx, fy) = ((x - x0) as f32, (y - y0) as f32);
        let columns = [x0, x0 + 1.0].map(|x| mirror(x, self.width));
        let rows = [y0, y0 + 1.0].map(|y| mirror(y, self.height));
        let [a, b] = columns.map(|x| self.pixel(x, rows[0]));
        let [c, d] = columns.map(|x| self.pixel(x, rows[1]));
        std::array::from_fn(|k| {
            let [a, b, c, d] = [a[k], b[k], c[k], d[k]].map(f32::from);
            let (top, bottom) = (a + fx * (b - a), c + fx * (d - c));
            (top + fy * (bottom - top)).round() as u8
        })
    }
}

/// Index `at` of a row of `length` pixels that goes on mirrored on both sides.
fn mirror(at: f64, length: usize) -> usize {
    let period = 2 * length.max(1) as i64;
    let at = (at as i64).rem_euclid(period);
    at.min(period - 1 - at) as usize
}
