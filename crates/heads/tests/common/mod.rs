//! Made-up cells and numbers.

use geoloc_geo_cells::{CellId, LatLng, Level};

/// `n` neighbouring cells of level 15, ascending.
pub(crate) fn cells(n: usize) -> Vec<CellId> {
    let start = CellId::from_lat_lng(LatLng::new(52.0, 5.0).unwrap());
    let first = start.parent(Level::try_from(15).unwrap()).unwrap().raw();
    let step = (first & first.wrapping_neg()) << 1;
    (0..n as u64)
        .map(|k| CellId::try_from(first + k * step).unwrap())
        .collect()
}

/// Numbers in (-1, 1).
pub(crate) fn numbers(n: usize, seed: u64) -> Vec<f32> {
    (0..n as u64)
        .map(|k| (mix(mix(seed) ^ k) >> 40) as f32 / 8_388_608.0 - 1.0)
        .collect()
}

/// The finaliser of `SplitMix64`.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
