//! Points for measurements, the same every time, and the peer's encoder.

use geoloc_geo_cells::{CellId, LatLng};

/// Splitmix64: numbers in [0, 1).
pub(crate) struct Stream(pub(crate) u64);

impl Stream {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn place(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat.clamp(-90.0, 90.0), lng).unwrap_or_default()
}

/// Points spread evenly over the sphere.
pub(crate) fn uniform(n: usize) -> Vec<LatLng> {
    let mut s = Stream(11);
    (0..n)
        .map(|_| {
            place(
                (2.0 * s.next() - 1.0).asin().to_degrees(),
                360.0 * s.next() - 180.0,
            )
        })
        .collect()
}

/// A stream of points as photos are: 20,000 towns of very different sizes.
pub(crate) struct Photos {
    towns: Vec<(f64, f64)>,
    stream: Stream,
}

impl Photos {
    pub(crate) fn new() -> Self {
        let towns = uniform(20_000).iter().map(|p| (p.lat(), p.lng())).collect();
        Self {
            towns,
            stream: Stream(7),
        }
    }

    /// Fills `out` with the next points, in no order.
    pub(crate) fn fill(&mut self, out: &mut [LatLng]) {
        for p in out {
            let s = &mut self.stream;
            // A power law over the towns, and about each a dense middle with wide surroundings.
            let town = (self.towns.len() as f64 * s.next().powi(5)) as usize;
            let (lat, lng) = self.towns[town];
            let width = 10.0_f64.powf(-3.0 * s.next());
            let north = width * (s.next() + s.next() - 1.0);
            let east = width * (s.next() + s.next() - 1.0);
            *p = place(lat + north, lng + east);
        }
    }
}

/// `n` points as photos are.
pub(crate) fn clustered(n: usize) -> Vec<LatLng> {
    let mut points = vec![LatLng::default(); n];
    Photos::new().fill(&mut points);
    points
}

/// The leaf id by crate `s2`.
pub(crate) fn s2_leaf(p: LatLng) -> u64 {
    s2::cellid::CellID::from(s2::latlng::LatLng::from_degrees(p.lat(), p.lng())).0
}

/// Leaf ids of places.
#[allow(
    dead_code,
    reason = "only one of the programs that share this file needs it"
)]
pub(crate) fn leaves(points: &[LatLng]) -> Vec<CellId> {
    let mut ids = vec![CellId::faces()[0]; points.len()];
    geoloc_geo_cells::leaf_ids(points, &mut ids);
    ids
}
