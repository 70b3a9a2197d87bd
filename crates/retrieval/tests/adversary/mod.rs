//! Rows made to break a search: duplicates, zeros, constants, gaps of 1e-6, denormals, huge norms.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared by test programs, each of which uses a part"
)]

use std::sync::Arc;

use geoloc_geo_cells::{Cap, CellId, LatLng, LatLngRect, Level};
use geoloc_retrieval::{Place, Polygon, Prior, Region};

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
            let mut degrees = |most: f64| f64::from(rng.unit()) * most;
            let location = LatLng::new(degrees(90.0), degrees(180.0)).unwrap();
            // Few distinct cells, so that several rows share one; some rows are points.
            let level = Level::new([3, 5, 30][rng.below(3)]).unwrap();
            let cell = CellId::from_lat_lng(location).parent(level);
            Place { location, cell }
        })
        .collect()
}

/// Regions of every kind.
pub fn regions(seed: u64, places: &[Place]) -> Vec<Region> {
    let mut rng = Rng(seed);
    let lat = f64::from(rng.unit()) * 60.0;
    let lng = f64::from(rng.unit()) * 180.0;
    let center = LatLng::new(lat, lng).unwrap();
    let corner = |dy: f64, dx: f64| LatLng::new(lat + dy, lng + dx).unwrap();
    let polygon = Polygon::new(&[
        corner(-25.0, -20.0),
        corner(20.0, -30.0),
        corner(10.0, 40.0),
    ]);
    let rect = LatLngRect::new(lat - 20.0, lng - 30.0, lat + 25.0, lng + 50.0).unwrap();
    vec![
        Region::cells(
            &places
                .iter()
                .filter_map(|p| p.cell)
                .take(3)
                .collect::<Vec<_>>(),
        ),
        Region::cap(&Cap::new(center, 3000.0)).unwrap(),
        Region::rect(&rect).unwrap(),
        Region::polygon(&polygon.unwrap()).unwrap(),
    ]
}

/// A prior over the faces, one of them left out.
pub fn prior(seed: u64) -> Arc<Prior> {
    let mut rng = Rng(seed);
    let cells: Vec<(CellId, f32)> = CellId::faces()
        .into_iter()
        .skip(1)
        .map(|f| (f, rng.unit()))
        .collect();
    Arc::new(Prior::new(&cells, -0.25).unwrap())
}
