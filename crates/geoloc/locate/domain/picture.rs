//! What can be said of a picture without a model: brightness, contrast, edges, colours, layout.

use crate::datasets::{Photo, PhotoSizeError, Preprocess};

/// Side in pixels of the small copy that all statistics are taken from.
pub(super) const SIDE: usize = 32;
const PIXELS: usize = SIDE * SIDE;
/// Weights of red, green and blue in the luma (Rec. 601).
const LUMA: [f64; 3] = [0.299, 0.587, 0.114];
/// Added before a logarithm: a quarter of a step of 8 bits.
const FLOOR: f64 = 1e-3;

/// A picture of 32 x 32 pixels: planes of red, green and blue, values from -1 to 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picture(pub(super) Vec<f64>);

impl Picture {
    /// Number of values.
    pub(super) const LEN: usize = 3 * PIXELS;

    /// A small copy of a prepared image `[3, height, width]`, each pixel the mean of those under it.
    pub(super) fn of(prepared: &[f32], input: &Preprocess) -> Self {
        let (width, height) = input.output_size();
        let (width, height) = (width as usize, height as usize);
        let mut values = Vec::with_capacity(Self::LEN);
        let planes = prepared.chunks_exact((width * height).max(1));
        for (plane, (mean, std)) in planes.zip(input.mean.into_iter().zip(input.std)) {
            for (y, x) in (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (y, x))) {
                let (rows, columns) = (under(y, height), under(x, width));
                let n = (rows.len() * columns.len()).max(1) as f64;
                let row = |r: usize| plane.get(r * width..(r + 1) * width);
                let sum: f64 = rows
                    .filter_map(row)
                    .filter_map(|row| row.get(columns.clone()))
                    .flatten()
                    .map(|&v| f64::from(v))
                    .sum();
                values.push(2.0 * (sum / n * f64::from(std) + f64::from(mean)) - 1.0);
            }
        }
        values.resize(Self::LEN, 0.0);
        Self(values)
    }

    /// The same in bytes.
    ///
    /// # Errors
    ///
    /// [`PhotoSizeError`] for no picture that is made here.
    pub(super) fn photo(&self) -> Result<Photo, PhotoSizeError> {
        let byte = |at: usize| {
            self.0
                .get(at)
                .map_or(0, |v| (127.5 * (v + 1.0)).round() as u8)
        };
        let pixels = (0..PIXELS).flat_map(|i| [0, 1, 2].map(|c| byte(c * PIXELS + i)));
        Photo::from_rgb(SIDE as u32, SIDE as u32, pixels.collect())
    }

    /// 42 numbers: mean and contrast of each channel; contrast of luma, red - green and green - blue, and
    /// their edges along rows and columns at three scales; correlations of the channels; and how luma
    /// and colour run from edge to edge and from the middle outwards.
    pub(super) fn statistics(&self) -> Vec<f64> {
        let [r, g, b] = [0, 1, 2].map(|c| self.0.get(c * PIXELS..(c + 1) * PIXELS).unwrap_or(&[]));
        let join = |f: &dyn Fn(f64, f64, f64) -> f64| -> Vec<f64> {
            let colours = r.iter().zip(g).zip(b);
            colours.map(|((&r, &g), &b)| f(r, g, b)).collect()
        };
        let luma = join(&|r, g, b| LUMA[0] * r + LUMA[1] * g + LUMA[2] * b);
        let (red_green, green_blue) = (join(&|r, g, _| r - g), join(&|_, g, b| g - b));
        let mut found = Vec::with_capacity(42);
        found.extend([r, g, b].map(mean));
        found.extend([r, g, b].map(|plane| ln(deviation(plane))));
        for (x, y) in [(r, g), (r, b), (g, b)] {
            let scale = deviation(x) * deviation(y) + FLOOR * FLOOR;
            let (mx, my) = (mean(x), mean(y));
            let products = x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my));
            found.push(products.sum::<f64>() / PIXELS as f64 / scale);
        }
        for plane in [&luma, &red_green, &green_blue] {
            found.push(ln(deviation(plane)));
            found.extend(edges(plane));
            found.extend(layout(plane));
        }
        found
    }
}

/// The rows (or columns) of `size` that lie under row `at` of the small copy; one at least.
fn under(at: usize, size: usize) -> std::ops::Range<usize> {
    let start = at * size / SIDE;
    start..((at + 1) * size / SIDE).max(start + 1)
}

fn ln(value: f64) -> f64 {
    (value + FLOOR).ln()
}

fn mean(plane: &[f64]) -> f64 {
    plane.iter().sum::<f64>() / plane.len().max(1) as f64
}

fn deviation(plane: &[f64]) -> f64 {
    let mean = mean(plane);
    let squares = plane.iter().map(|v| (v - mean).powi(2));
    (squares.sum::<f64>() / plane.len().max(1) as f64).sqrt()
}

/// Logarithms of the root mean square steps along rows and along columns, at pixels of 1, 2 and 4.
fn edges(plane: &[f64]) -> Vec<f64> {
    let (mut plane, mut side) = (plane.to_vec(), SIDE);
    let mut found = Vec::with_capacity(6);
    for _ in 0..3 {
        let rows: Vec<&[f64]> = plane.chunks_exact(side).collect();
        let along = rows
            .iter()
            .flat_map(|row| row.iter().zip(row.iter().skip(1)));
        let down = rows.iter().zip(rows.iter().skip(1));
        let down = down.flat_map(|(a, b)| a.iter().zip(b.iter()));
        let n = (side * (side - 1)) as f64;
        let square = |(a, b): (&f64, &f64)| (a - b).powi(2);
        found.push(ln((along.map(square).sum::<f64>() / n).sqrt()));
        found.push(ln((down.map(square).sum::<f64>() / n).sqrt()));
        let half: Vec<f64> = rows
            .chunks_exact(2)
            .flat_map(|pair| {
                let (upper, lower) = (pair.first(), pair.last());
                let two = upper.into_iter().zip(lower);
                two.flat_map(|(u, l)| {
                    let columns = u.chunks_exact(2).zip(l.chunks_exact(2));
                    columns.map(|(u, l)| u.iter().chain(l).sum::<f64>() / 4.0)
                })
                .collect::<Vec<f64>>()
            })
            .collect();
        (plane, side) = (half, side / 2);
    }
    found
}

/// Means of a plane times a slope and times a bow, down the rows and along the columns.
fn layout(plane: &[f64]) -> [f64; 4] {
    let mean = mean(plane);
    let at = |i: usize| 2.0 * i as f64 / (SIDE - 1) as f64 - 1.0;
    let mut sums = [0.0; 4];
    for (i, value) in plane.iter().enumerate() {
        let (y, x) = (at(i / SIDE), at(i % SIDE));
        // Of unit mean square over the picture: 1 / sqrt(3) and 2 / sqrt(45) about.
        let terms = [
            1.68 * y,
            1.68 * x,
            3.17 * (y * y - 0.355),
            3.17 * (x * x - 0.355),
        ];
        for (sum, term) in sums.iter_mut().zip(terms) {
            *sum += (value - mean) * term / PIXELS as f64;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_tell_flat_from_striped_and_up_from_down() {
        let plane = |f: &dyn Fn(usize, usize) -> f64| -> Picture {
            let one: Vec<f64> = (0..PIXELS).map(|i| f(i / SIDE, i % SIDE)).collect();
            Picture([one.clone(), one.clone(), one].concat())
        };
        let flat = plane(&|_, _| 0.25).statistics();
        assert_eq!(flat.len(), 42);
        assert!((flat[0] - 0.25).abs() < 1e-12 && (flat[3] - FLOOR.ln()).abs() < 1e-6);
        let stripes = plane(&|_, x| if x % 2 == 0 { 0.5 } else { -0.5 }).statistics();
        // Steps of 1 along rows, none down the columns, and none at pixels of two.
        assert!((stripes[10] - 1.001_f64.ln()).abs() < 1e-9, "{stripes:?}");
        assert!((stripes[11] - FLOOR.ln()).abs() < 1e-9 && (stripes[12] - FLOOR.ln()).abs() < 1e-9);
        let sky = plane(&|y, _| 0.5 - y as f64 / 32.0).statistics();
        assert!(sky[16] < -0.2 && sky[17].abs() < 1e-9, "{sky:?}");
    }

    #[test]
    fn a_small_copy_averages_and_leaves_the_normalisation_out() {
        let input = Preprocess {
            mean: [0.2, 0.4, 0.6],
            std: [0.5, 0.25, 2.0],
            ..Preprocess::square(64)
        };
        let prepared = input.apply_rgb(&[51; 64 * 64 * 3], 64, 64).unwrap();
        for value in Picture::of(&prepared, &input).0 {
            assert!((value + 0.6).abs() < 1e-6, "{value}");
        }
    }
}
