//! Any text as a token: an error, or a cell whose token is that text in lower case without trailing
//! zeros.
#![no_main]

use geoloc_geo_cells::{CellId, LatLng, Level};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(cell) = CellId::from_token(text)
    {
        let token = cell.token();
        assert_eq!(CellId::from_token(&token), Ok(cell));
        assert_eq!(text.to_ascii_lowercase().trim_end_matches('0'), token);
        check(cell);
    }
    if let Some(bytes) = data.first_chunk::<16>() {
        let number = |k: usize| f64::from_le_bytes(std::array::from_fn(|i| bytes[8 * k + i]));
        if let Ok(p) = LatLng::new(number(0), number(1)) {
            check(CellId::from_lat_lng(p));
        }
        if let Ok(cell) = CellId::try_from(number(0).to_bits()) {
            check(cell);
        }
    }
});

fn check(cell: CellId) {
    assert!(cell.area_km2() > 0.0);
    assert!(cell.contains(CellId::from_lat_lng(cell.center())));
    for level in Level::all() {
        if let Some(parent) = cell.parent(level) {
            assert!(parent.contains(cell));
        }
    }
    for neighbor in cell.edge_neighbors() {
        assert_eq!(neighbor.level(), cell.level());
        assert!(neighbor.edge_neighbors().contains(&cell));
    }
}
