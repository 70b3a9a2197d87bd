//! Pictures that no camera took, for the network to tell training photos from.
//!
//! Overlapping shapes of random colours ("dead leaves", Lee, Mumford and Huang 2001) have edges and
//! occlusions like scenes; the others are training photos that were spoiled in one way each. To train
//! on made outliers is outlier exposure (Hendrycks et al. 2019).

use super::picture::{Picture, SIDE};
use crate::core::{mix, uniform};

const PIXELS: usize = SIDE * SIDE;
/// Side of dead leaves before they are made small.
const LARGE: usize = 2 * SIDE;
/// Side of the squares of a shuffled picture.
const SQUARE: usize = SIDE / 4;

/// Numbers in order, a function of the seed.
struct Draws(u64, u64);

impl Draws {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        self.1 += 1;
        low + (high - low) * uniform(mix(self.0, self.1))
    }

    fn below(&mut self, n: usize) -> usize {
        (self.between(0.0, n as f64) as usize).min(n.saturating_sub(1))
    }

    fn chance(&mut self, share: f64) -> bool {
        self.between(0.0, 1.0) < share
    }

    /// About normal: the sum of twelve uniform numbers.
    fn normal(&mut self, deviation: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| self.between(-0.5, 0.5)).sum();
        sum * deviation
    }
}

/// Picture `number` of a stream: two of seven are dead leaves, the others one of `photos`, spoiled.
pub(super) fn made(photos: &[Picture], number: u64, seed: u64) -> Picture {
    let mut draws = Draws(mix(seed, number), 0);
    let mut photo = || photos.get(draws.below(photos.len()));
    let (one, other) = (photo(), photo());
    let (Some(one), Some(other)) = (one, other) else {
        return leaves(&mut draws);
    };
    match number % 7 {
        0 | 1 => leaves(&mut draws),
        2 => Picture(one.0.iter().map(|v| -v).collect()),
        3 => turned_hue(one, &mut draws),
        4 => shuffled(one, &mut draws),
        5 => gray(one),
        _ => joined(one, other, &mut draws),
    }
}

/// Overlapping rectangles and ellipses, some with noise.
fn leaves(draws: &mut Draws) -> Picture {
    let saturation = draws.between(0.0, 1.0);
    let palette: Vec<[f64; 3]> = (0..2 + draws.below(4))
        .map(|_| {
            let colour = [0; 3].map(|_| draws.between(-1.0, 1.0));
            let gray = colour.iter().sum::<f64>() / 3.0;
            colour.map(|v| gray + saturation * (v - gray))
        })
        .collect();
    let ground = palette.first().copied().unwrap_or_default();
    let slope = [0; 2].map(|_| draws.between(-0.6, 0.6));
    let at = |i: usize| (i as f64 + 0.5) / LARGE as f64;
    let mut pixels: Vec<[f64; 3]> = (0..LARGE * LARGE)
        .map(|i| {
            let light = slope[0] * (at(i / LARGE) - 0.5) + slope[1] * (at(i % LARGE) - 0.5);
            ground.map(|v| v + light)
        })
        .collect();
    for _ in 0..=draws.below(59) {
        let radius = draws.between(0.03_f64.ln(), 0.6_f64.ln()).exp();
        let [cx, cy] = [0; 2].map(|_| draws.between(0.0, 1.0));
        let upright = draws.chance(0.5);
        let angle = draws.between(0.0, std::f64::consts::PI);
        let (sin, cos) = if upright { (0.0, 1.0) } else { angle.sin_cos() };
        let stretch = draws.between(-1.2, 1.2).exp();
        let rectangle = draws.chance(0.5);
        let chosen = palette.get(draws.below(palette.len())).copied();
        let light = draws.normal(0.06);
        let colour = chosen
            .unwrap_or_default()
            .map(|v| v + light + draws.normal(0.05));
        let shade = draws.between(-0.4, 0.4);
        for (i, pixel) in pixels.iter_mut().enumerate() {
            let (y, x) = (at(i / LARGE) - cy, at(i % LARGE) - cx);
            let u = (x * cos + y * sin) / (radius * stretch);
            let v = (y * cos - x * sin) * stretch / radius;
            let inside = if rectangle {
                u.abs() < 1.0 && v.abs() < 1.0
            } else {
                u * u + v * v < 1.0
            };
            if inside {
                *pixel = colour.map(|c| c * (1.0 + shade * u));
            }
        }
    }
    if draws.chance(0.7) {
        let deviation = draws.between(0.0, 0.35);
        for pixel in &mut pixels {
            let noise = draws.normal(deviation);
            *pixel = pixel.map(|v| v + noise);
        }
    }
    // Each pixel is the mean of four; channels one after the other.
    let small: Vec<[f64; 3]> = (0..PIXELS)
        .map(|i| {
            let corner = 2 * (i / SIDE) * LARGE + 2 * (i % SIDE);
            let four =
                [corner, corner + 1, corner + LARGE, corner + LARGE + 1].map(|at| pixels[at]);
            let sum = |channel: usize| four.iter().map(|pixel| pixel[channel]).sum::<f64>();
            std::array::from_fn(|channel| (sum(channel) / 4.0).clamp(-1.0, 1.0))
        })
        .collect();
    let channels = (0..3).flat_map(|channel| small.iter().map(move |pixel| pixel[channel]));
    let values = channels.collect();
    Picture(values)
}

/// Every pixel changed by its three channels.
fn recoloured(photo: &Picture, change: impl Fn([f64; 3]) -> [f64; 3]) -> Picture {
    let mut values = photo.0.clone();
    for i in 0..PIXELS {
        let at = [i, PIXELS + i, 2 * PIXELS + i];
        for (at, value) in at.into_iter().zip(change(at.map(|at| photo.0[at]))) {
            values[at] = value.clamp(-1.0, 1.0);
        }
    }
    Picture(values)
}

/// Colours turned about the axis of the grays by an eighth to seven eighths of a full turn.
fn turned_hue(photo: &Picture, draws: &mut Draws) -> Picture {
    let (sin, cos) = (std::f64::consts::TAU * draws.between(0.125, 0.875)).sin_cos();
    let (same, s) = ((1.0 - cos) / 3.0, sin / 3f64.sqrt());
    recoloured(photo, |[r, g, b]| {
        let sum = same * (r + g + b);
        [
            sum + cos * r + s * (b - g),
            sum + cos * g + s * (r - b),
            sum + cos * b + s * (g - r),
        ]
    })
}

fn gray(photo: &Picture) -> Picture {
    recoloured(photo, |[r, g, b]| [0.299 * r + 0.587 * g + 0.114 * b; 3])
}

/// Sixteen squares in another order.
fn shuffled(photo: &Picture, draws: &mut Draws) -> Picture {
    let mut order: Vec<usize> = (0..16).collect();
    for last in (1..16).rev() {
        order.swap(last, draws.below(last + 1));
    }
    let mut values = photo.0.clone();
    for (i, value) in values.iter_mut().enumerate() {
        let (channel, y, x) = (i / PIXELS, i % PIXELS / SIDE, i % SIDE);
        let from = order[y / SQUARE * 4 + x / SQUARE];
        let (row, column) = (
            from / 4 * SQUARE + y % SQUARE,
            from % 4 * SQUARE + x % SQUARE,
        );
        *value = photo.0[channel * PIXELS + row * SIDE + column];
    }
    Picture(values)
}

/// Two photos joined along a straight line.
fn joined(one: &Picture, other: &Picture, draws: &mut Draws) -> Picture {
    let (sin, cos) = draws.between(0.0, std::f64::consts::TAU).sin_cos();
    let offset = draws.between(-0.4, 0.4);
    let at = |i: usize| 2.0 * i as f64 / (SIDE - 1) as f64 - 1.0;
    let values = one.0.iter().zip(&other.0).enumerate();
    let values = values.map(|(i, (&a, &b))| {
        let (y, x) = (at(i % PIXELS / SIDE), at(i % SIDE));
        if cos * x + sin * y > offset { a } else { b }
    });
    Picture(values.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_pictures_are_in_range_differ_and_come_back() {
        let photo = |k: usize| {
            let at = |i: usize| ((i * (k + 3)) % 101) as f64 / 101.0 - 0.5;
            Picture((0..Picture::LEN).map(at).collect())
        };
        let photos = [photo(0), photo(1)];
        for number in 0..14 {
            let picture = made(&photos, number, 5);
            assert_eq!(picture.0.len(), Picture::LEN);
            assert!(picture.0.iter().all(|v| (-1.0..=1.0).contains(v)));
            assert!(!photos.contains(&picture), "{number}");
            assert_eq!(picture, made(&photos, number, 5));
            // Inverted and gray pictures draw nothing but their photo.
            let other = made(&photos, number + 7, 5);
            assert!(
                picture != other || [2, 5].contains(&(number % 7)),
                "{number}"
            );
        }
        // A shuffled picture has the same pixels, a gray one no colours.
        let sorted = |p: &Picture| {
            let mut values = p.0.clone();
            values.sort_by(f64::total_cmp);
            values
        };
        let shuffled = sorted(&made(&photos[..1], 4, 5));
        assert_eq!(shuffled, sorted(&photos[0]));
        let gray = made(&photos, 5, 5).0;
        assert!((0..PIXELS).all(|i| (gray[i] - gray[PIXELS + i]).abs() < 1e-12));
    }
}
