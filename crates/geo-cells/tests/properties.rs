//! Laws that hold for every place, beside crate `s2` where that is right.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test may stop, and compares exact numbers"
)]

use geoloc_geo_cells::{
    AdaptivePartition, Cap, CellId, Covering, LatLng, Level, Partition, PartitionBuilder,
    SmallCells, chord_squared, chord_squared_to_km, geodesic_km, haversine_km, leaf_ids,
};
use proptest::prelude::*;
use s2::cell::Cell;
use s2::cellid::CellID;

fn place() -> impl Strategy<Value = LatLng> {
    (-90.0..=90.0, -180.0..180.0).prop_map(|(lat, lng)| LatLng::new(lat, lng).unwrap())
}

fn level() -> impl Strategy<Value = Level> {
    (0_u8..=30).prop_map(|l| Level::new(l).unwrap())
}

/// Whether the two largest components are too close for the choice of a face to be certain.
fn on_face_edge(p: LatLng) -> bool {
    let mut v = p.to_unit_vector().map(f64::abs);
    v.sort_unstable_by(f64::total_cmp);
    v[2] - v[1] < 1e-12
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn cells_equal_those_of_crate_s2(p in place(), level in level()) {
        prop_assume!(!on_face_edge(p));
        let leaf = CellId::from_lat_lng(p);
        let peer = CellID::from(s2::latlng::LatLng::from_degrees(p.lat(), p.lng()));
        prop_assert_eq!(leaf.raw(), peer.0);
        let (cell, peer) = (leaf.parent(level).unwrap(), peer.parent(u64::from(level.get())));
        prop_assert_eq!(cell.raw(), peer.0);
        prop_assert_eq!(cell.token(), peer.to_token());
        prop_assert_eq!(cell.range_min().raw(), peer.range_min().0);
        prop_assert_eq!(cell.range_max().raw(), peer.range_max().0);
        prop_assert_eq!(cell.edge_neighbors().map(CellId::raw), peer.edge_neighbors().map(|n| n.0));
        if let Some(children) = cell.children() {
            prop_assert_eq!(children.map(CellId::raw), peer.children().map(|c| c.0));
        }
        let geometry = Cell::from(peer);
        for (corner, k) in cell.corners().iter().zip(0..) {
            let vertex = geometry.vertex(k).0;
            prop_assert_eq!(*corner, [vertex.x, vertex.y, vertex.z]);
        }
        // Crate s2 computes areas with a relative error of up to 1.4e-7.
        prop_assert!((cell.area_steradian() / geometry.exact_area() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn ids_and_tokens_round_trip(p in place(), level in level()) {
        let cell = CellId::from_lat_lng(p).parent(level).unwrap();
        prop_assert_eq!(CellId::try_from(cell.raw()), Ok(cell));
        prop_assert_eq!(CellId::from_token(&cell.token()), Ok(cell));
        prop_assert_eq!(cell.level(), level);
        prop_assert_eq!(CellId::from_lat_lng(cell.center()).parent(level), Some(cell));
        let text = serde_json::to_string(&cell).unwrap();
        prop_assert_eq!(text, format!("\"{}\"", cell.token()));
        prop_assert_eq!(cell.distance_km(p), 0.0);
    }

    #[test]
    fn any_number_and_text_is_a_cell_or_an_error(raw: u64, text in ".{0,20}") {
        if let Ok(cell) = CellId::try_from(raw) {
            prop_assert_eq!(CellId::from_token(&cell.token()), Ok(cell));
        }
        let _ = CellId::from_token(&text);
    }

    #[test]
    fn any_two_numbers_are_a_place_or_an_error(lat: f64, lng: f64) {
        if let Ok(p) = LatLng::new(lat, lng) {
            prop_assert!((-180.0..180.0).contains(&p.lng()) && p.lat() == lat);
            prop_assert!(CellId::try_from(CellId::from_lat_lng(p).raw()).is_ok());
        } else {
            prop_assert!(!(lat.abs() <= 90.0 && lng.abs() <= 540.0));
        }
    }

    #[test]
    fn distances_agree(a in place(), b in place()) {
        let km = haversine_km(a, b);
        prop_assert_eq!(km, haversine_km(b, a));
        let chord = chord_squared_to_km(chord_squared(a.to_unit_vector(), b.to_unit_vector()));
        prop_assert!((km - chord).abs() < 1e-6 || km > 19_900.0);
        // The ellipsoid differs by up to 0.56 %.
        prop_assert!((geodesic_km(a, b) - km).abs() <= 0.0057 * km + 1e-9 || km > 19_900.0);
    }

    #[test]
    fn caps_are_covered(p in place(), q in place(), share in 0.0..1.0_f64, max_cells in 1_usize..20) {
        let cap = Cap::new(p, haversine_km(p, q) * share);
        let cells = Covering { max_cells, ..Covering::default() }.cap(&cap).unwrap();
        let leaf = CellId::from_lat_lng(q);
        prop_assert!(!cap.contains(q) || cells.iter().any(|cell| cell.contains(leaf)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn partitions_are_disjoint_and_complete(
        points in prop::collection::vec(place(), 1..300),
        split_above in 1_u64..40,
        drop_below in 0_u64..10,
        rescue: bool,
    ) {
        let config = AdaptivePartition {
            split_above: split_above.max(drop_below),
            drop_below,
            small_cells: if rescue { SmallCells::Rescue } else { SmallCells::Drop },
            ..AdaptivePartition::default()
        };
        let Ok((partition, report)) = config.build(&points) else { return Ok(()) };
        let mut counts = vec![0; partition.len()];
        for class in partition.indices_of(&points).into_iter().flatten() {
            counts[class as usize] += 1;
        }
        prop_assert_eq!(&counts, partition.counts());
        prop_assert!(counts.iter().all(|&n| n >= drop_below.max(1)));
        let lost: u64 = report.dropped.iter().map(|d| d.points).sum();
        prop_assert_eq!(report.placed + lost, points.len() as u64);
        prop_assert_eq!(Partition::from_bytes(&partition.to_bytes()).unwrap(), partition);
    }

    #[test]
    fn batches_equal_single_places(points in prop::collection::vec(place(), 0..100)) {
        let mut ids = vec![CellId::faces()[0]; points.len()];
        leaf_ids(&points, &mut ids);
        for (p, id) in points.iter().zip(ids) {
            prop_assert_eq!(id, CellId::from_lat_lng(*p));
        }
    }

    #[test]
    fn any_bytes_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Partition::from_bytes(&bytes).is_err());
    }
}
