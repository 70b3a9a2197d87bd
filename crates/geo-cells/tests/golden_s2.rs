//! Against a file written by Google's C++ S2 (see `golden/make_s2_cells.py`).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::float_cmp,
    reason = "a test may stop, print, and compare exact numbers"
)]

use std::collections::BTreeMap;

use geoloc_geo_cells::{CellId, Kernel, LatLng, leaf_ids_with};

const GOLDEN: &str = include_str!("golden/s2_cells.tsv");

fn number(bits: &str) -> f64 {
    f64::from_bits(u64::from_str_radix(bits, 16).unwrap())
}

fn rows(kind: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let kind = kind.to_owned();
    GOLDEN
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .filter(move |row| row[0] == kind)
}

#[test]
fn leaf_ids_equal_those_of_the_cpp_library() {
    let mut places = Vec::new();
    let mut tokens = Vec::new();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows("leaf") {
        let (lat, lng) = (number(row[2]), number(row[3]));
        if lng.abs() > 540.0 {
            // Beyond what is folded.
            assert!(LatLng::new(lat, lng).is_err());
            continue;
        }
        let p = LatLng::new(lat, lng).unwrap();
        *kinds.entry(row[1]).or_default() += 1;
        assert_eq!(CellId::from_lat_lng(p).token(), row[4], "{row:?}");
        places.push(p);
        tokens.push(row[4]);
    }
    for &kernel in Kernel::available() {
        let mut ids = vec![CellId::faces()[0]; places.len()];
        leaf_ids_with(kernel, &places, &mut ids);
        for (id, token) in ids.iter().zip(&tokens) {
            assert_eq!(&id.token(), token, "{kernel:?}");
        }
    }
    println!("{} leaves: {kinds:?}", places.len());
    assert!(places.len() > 10_000 && kinds.len() == 11);
}

#[test]
fn cells_equal_those_of_the_cpp_library() {
    let mut count = 0;
    for row in rows("cell") {
        let cell = CellId::from_token(row[1]).unwrap();
        assert_eq!(cell.token(), row[1]);
        assert_eq!(cell.level().get().to_string(), row[2]);
        let centre: Vec<f64> = row[3..6].iter().map(|x| number(x)).collect();
        assert_eq!(cell.center_unit_vector().to_vec(), centre, "{row:?}");
        let neighbors: Vec<String> = cell.edge_neighbors().iter().map(|n| n.token()).collect();
        assert_eq!(neighbors, row[6..10], "{row:?}");
        let corners: Vec<f64> = cell.corners().concat();
        let expected: Vec<f64> = row[10..22].iter().map(|x| number(x)).collect();
        assert_eq!(corners, expected, "{row:?}");
        // Corners carry 1e-16, so an edge of length e carries 1e-16 / e.
        let area = number(row[22]);
        let tolerance = 1e-13 + 2e-15 / area.sqrt();
        assert!(
            (cell.area_steradian() / area - 1.0).abs() < tolerance,
            "{row:?}"
        );
        count += 1;
    }
    assert_eq!(count, 400);
}

#[test]
fn unfolded_longitudes_equal_the_cpp_library() {
    let mut folded_elsewhere = 0;
    for row in rows("unfolded") {
        let (lat, lng) = (number(row[1]), number(row[2]));
        assert_eq!(
            CellId::from_degrees(lat, lng).unwrap().token(),
            row[3],
            "{row:?}"
        );
        let Ok(place) = LatLng::new(lat, lng) else {
            assert!(lng.abs() > 540.0);
            continue;
        };
        let folded = CellId::from_lat_lng(place);
        folded_elsewhere += usize::from(folded.token() != row[3]);
    }
    println!("{folded_elsewhere} of 500 leaves differ after folding, by rounding");
    assert!(CellId::from_degrees(91.0, 0.0).is_err());
    assert!(CellId::from_degrees(0.0, f64::INFINITY).is_err());
}
