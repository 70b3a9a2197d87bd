//! Made-up cell codes that behave like learned ones: smooth over the ground, with a part of their own.
//!
//! Every code is a pure function of its cell and the seed, so that rows are streamed and made again
//! for checking instead of being kept. With unit vectors S (smooth, at a place), u (of an aerial
//! cell) and v (of its parent):
//!
//! ```text
//! aerial code   a = unit(0.7 S(centre of the cell) + 0.5 u + 0.5 v)
//! prototype     p = unit(0.7 S(centre of the parent) + 0.7 v)
//! query         q = unit(0.7 S(anywhere in the cell) + 0.35 u + 0.45 v + noise)
//! row           z = a + kappa p
//! ```
//!
//! Aerial codes of two children of one parent then have a cosine of about 0.74, those of other
//! neighbours about 0.5, falling to 0 over some tens of km.

use std::collections::HashMap;

use geoloc_geo_cells::{CellId, EARTH_RADIUS_KM, Level};

/// Wavelengths in km of the smooth part, and their shares of its variance.
const SCALES: [(f64, f32); 3] = [(0.8, 0.4), (5.0, 0.35), (40.0, 0.25)];

#[derive(Debug)]
pub(crate) struct Codes {
    pub(crate) dim: usize,
    pub(crate) seed: u64,
    pub(crate) kappa: f32,
    pub(crate) noise: f32,
    pub(crate) aerial: Level,
    pub(crate) prototype: Level,
}

/// Random vectors at the corners of the lattices about one block of cells.
#[derive(Default)]
pub(crate) struct Corners(HashMap<(usize, [i64; 3]), Vec<f32>>);

/// Codes of the aerial cells of one block, in the order of their ids.
#[derive(Default)]
pub(crate) struct Block {
    pub(crate) cells: Vec<CellId>,
    pub(crate) aerial: Vec<f32>,
    pub(crate) parents: Vec<CellId>,
    pub(crate) prototypes: Vec<f32>,
}

impl Block {
    /// Rows z = a + kappa p; children follow their parents in order.
    pub(crate) fn fused(&self, dim: usize, kappa: f32) -> Vec<f32> {
        let children = self.cells.len() / self.parents.len().max(1);
        let parents = self.prototypes.chunks_exact(dim);
        let of_each = parents.flat_map(|p| std::iter::repeat_n(p, children));
        let pairs = self.aerial.chunks_exact(dim).zip(of_each);
        pairs
            .flat_map(|(a, p)| a.iter().zip(p).map(|(a, p)| a + kappa * p))
            .collect()
    }
}

impl Codes {
    /// All codes below a cell.
    pub(crate) fn block(&self, block: CellId) -> Block {
        let mut corners = Corners::default();
        let mut out = Block::default();
        for parent in descendants(block, self.prototype) {
            let own = self.random(parent.raw(), 1);
            let smooth = self.smooth(parent.center_unit_vector(), &mut corners);
            out.prototypes.extend(unit(&[(0.7, &smooth), (0.7, &own)]));
            for cell in descendants(parent, self.aerial) {
                let smooth = self.smooth(cell.center_unit_vector(), &mut corners);
                let alone = self.random(cell.raw(), 2);
                out.aerial
                    .extend(unit(&[(0.7, &smooth), (0.5, &alone), (0.5, &own)]));
                out.cells.push(cell);
            }
            out.parents.push(parent);
        }
        out
    }

    /// Query number `index`, taken at a unit vector inside `cell`.
    pub(crate) fn query(&self, index: u64, cell: CellId, place: [f64; 3]) -> Vec<f32> {
        let smooth = self.smooth(place, &mut Corners::default());
        let alone = self.random(cell.raw(), 2);
        let parent = cell.parent(self.prototype).map_or(0, CellId::raw);
        let (own, noise) = (self.random(parent, 1), self.random(index, 3));
        unit(&[
            (0.7, &smooth),
            (0.35, &alone),
            (0.45, &own),
            (self.noise, &noise),
        ])
    }

    /// The smooth part at a place: random vectors at the corners of cubic lattices, interpolated
    /// linearly in space and brought to an even variance.
    fn smooth(&self, place: [f64; 3], corners: &mut Corners) -> Vec<f32> {
        let mut sum = vec![0.0; self.dim];
        for (scale, (km, share)) in SCALES.into_iter().enumerate() {
            let at = place.map(|c| c * EARTH_RADIUS_KM / km);
            let base = at.map(f64::floor);
            let weight = |corner: usize| -> f32 {
                let along = |k: usize| {
                    let t = (at[k] - base[k]) as f32;
                    if corner >> k & 1 == 1 { t } else { 1.0 - t }
                };
                along(0) * along(1) * along(2)
            };
            let energy: f32 = (0..8).map(|corner| weight(corner).powi(2)).sum();
            for corner in 0..8 {
                let index = std::array::from_fn(|k| base[k] as i64 + (corner >> k & 1) as i64);
                let values = corners.0.entry((scale, index)).or_insert_with(|| {
                    let key = index
                        .iter()
                        .fold(scale as u64, |h, &i| mix(h ^ mix(i as u64)));
                    self.random(key, 4)
                });
                let w = weight(corner) * (share / energy).sqrt();
                for (s, v) in sum.iter_mut().zip(values) {
                    *s += w * *v;
                }
            }
        }
        sum
    }

    /// A random vector of about unit length, always the same for `key` and `kind`.
    fn random(&self, key: u64, kind: u64) -> Vec<f32> {
        let mut state = mix(key ^ mix(self.seed ^ mix(kind)));
        let size = (12.0 / self.dim as f32).sqrt() / 65536.0;
        let mut out = Vec::with_capacity(self.dim + 3);
        while out.len() < self.dim {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let bits = mix(state);
            out.extend((0..4).map(|k| ((bits >> (16 * k) & 0xffff) as f32 - 32767.5) * size));
        }
        out.truncate(self.dim);
        out
    }
}

/// The cells of a level inside a cell, in order.
pub(crate) fn descendants(cell: CellId, level: Level) -> impl Iterator<Item = CellId> {
    let first = cell.range_min().parent(level);
    let last = cell.range_max().parent(level);
    let (first, last) = (first.map_or(1, CellId::raw), last.map_or(0, CellId::raw));
    let step = (first & first.wrapping_neg()) << 1;
    (first..=last)
        .step_by(step as usize)
        .filter_map(|raw| CellId::try_from(raw).ok())
}

fn unit(parts: &[(f32, &Vec<f32>)]) -> Vec<f32> {
    let dim = parts.first().map_or(0, |(_, v)| v.len());
    let mut sum = vec![0.0; dim];
    for (weight, part) in parts {
        for (s, v) in sum.iter_mut().zip(part.iter()) {
            *s += weight * v;
        }
    }
    let norm = sum.iter().map(|v| v * v).sum::<f32>().sqrt();
    for s in &mut sum {
        *s /= norm;
    }
    sum
}

/// The finaliser of `SplitMix64` (Steele and others 2014).
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
