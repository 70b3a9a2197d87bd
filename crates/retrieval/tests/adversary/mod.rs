//! Rows made to break a search: duplicates, zeros, constants, gaps of 1e-6, denormals, huge norms.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared by test programs, each of which uses a part"
)]

use geoloc_geo_cells::{CellId, LatLng};
use geoloc_retrieval::Place;

/// A small seeded generator (splitmix64), so that failures repeat.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    pub fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / 8_388_608.0 - 1.0
    }
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// One kind of trouble per row, chosen by the generator.
pub fn adversarial_row(rng: &mut Rng, dim: usize, earlier: &[f32], family: u64) -> Vec<f32> {
    let rows = earlier.len() / dim;
    let copy = |rng: &mut Rng| {
        let at = rng.below(rows);
        earlier[at * dim..(at + 1) * dim].to_vec()
    };
    let mut row: Vec<f32> = (0..dim).map(|_| rng.unit()).collect();
    match family % 10 {
        0 if rows > 0 => copy(rng),
        1 => vec![0.0; dim],
        2 => vec![rng.unit(); dim],
        3 if rows > 0 => {
            let mut twin = copy(rng);
            let j = rng.below(dim);
            twin[j] *= 1.0 + 1e-6;
            twin
        }
        4 => row.iter().map(|v| v * 1e-40).collect(),
        5 => row.iter().map(|v| v * 1e15).collect(),
        6 => {
            row.fill(0.0);
            let j = rng.below(dim);
            row[j] = 1.0;
            row
        }
        7 => {
            // One large value hides the small ones from the codes.
            let j = rng.below(dim);
            row[j] = 1e4;
            row
        }
        8 if rows > 0 => copy(rng).iter().map(|v| -v).collect(),
        _ => row,
    }
}

pub fn data(seed: u64, n: usize, dim: usize, families: &[u64]) -> Vec<f32> {
    let mut rng = Rng(seed);
    let mut out = Vec::with_capacity(n * dim);
    for _ in 0..n {
        let family = families[rng.below(families.len())];
        let row = adversarial_row(&mut rng, dim, &out, family);
        out.extend(row);
    }
    out
}

pub fn places(seed: u64, n: usize) -> Vec<Place> {
    let mut rng = Rng(seed);
    (0..n)
        .map(|_| {
            // Few distinct cells, so that several rows share one.
            let raw =
                ((rng.next() % 6) << 61 | (rng.next() % 64) << 50 | 1 << 48) & !0xffff_ffff_ffff;
            Place {
                location: LatLng::new(f64::from(rng.unit()) * 90.0, f64::from(rng.unit()) * 180.0)
                    .unwrap(),
                cell: CellId::try_from(raw | 1 << 48).ok(),
            }
        })
        .collect()
}
