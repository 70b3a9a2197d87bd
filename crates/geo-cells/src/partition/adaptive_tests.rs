use super::*;
use crate::LevelCount;

fn cluster(lat: f64, lng: f64, n: usize) -> Vec<LatLng> {
    (0..n)
        .map(|k| {
            let t = k as f64;
            LatLng::new(lat + 0.3 * (t * 0.7).sin(), lng + 0.3 * (t * 1.3).cos()).unwrap()
        })
        .collect()
}

fn world() -> Vec<LatLng> {
    let mut points = cluster(48.8, 2.3, 400);
    points.extend(cluster(-33.8, 151.2, 150));
    points.extend(cluster(12.0, 179.95, 90));
    points.extend(cluster(-80.0, 30.0, 3));
    points
}

fn config(split_above: u64, drop_below: u64) -> AdaptivePartition {
    AdaptivePartition {
        split_above,
        drop_below,
        ..AdaptivePartition::default()
    }
}

/// The same rule, counted cell by cell at each level with a map.
fn by_counting(points: &[LatLng], config: &AdaptivePartition) -> Vec<(CellId, u64)> {
    let leaves: Vec<CellId> = points.iter().map(|p| CellId::from_lat_lng(*p)).collect();
    let mut open: std::collections::BTreeMap<CellId, Vec<CellId>> =
        std::collections::BTreeMap::default();
    for leaf in leaves {
        open.entry(leaf.parent(Level::FACE).unwrap())
            .or_default()
            .push(leaf);
    }
    let mut kept = Vec::new();
    while let Some((cell, inside)) = open.pop_first() {
        let (n, level) = (inside.len() as u64, cell.level());
        if n < config.drop_below {
        } else if level < config.min_level || (n > config.split_above && level < config.max_level) {
            for leaf in inside {
                let child = leaf.parent(level.finer().unwrap()).unwrap();
                open.entry(child).or_default().push(leaf);
            }
        } else {
            kept.push((cell, n));
        }
    }
    kept.sort_unstable();
    kept
}

#[test]
fn equals_counting_cell_by_cell() {
    let points = world();
    for (split, drop, min, max) in [
        (50, 5, 0, 30),
        (10, 1, 3, 30),
        (100, 20, 0, 8),
        (0, 0, 0, 30),
    ] {
        let config = AdaptivePartition {
            min_level: Level::new(min).unwrap(),
            max_level: Level::new(max).unwrap(),
            ..config(split, drop)
        };
        let (partition, report) = config.build(&points).unwrap();
        let cells: Vec<(CellId, u64)> = (0..partition.len())
            .map(|i| (partition.cell(i).unwrap(), partition.count(i).unwrap()))
            .collect();
        assert_eq!(cells, by_counting(&points, &config));
        let lost: u64 = report.dropped.iter().map(|d| d.points).sum();
        assert_eq!(report.placed + lost, points.len() as u64);
        for p in &points {
            let leaf = CellId::from_lat_lng(*p);
            let expected = cells.iter().position(|(cell, _)| cell.contains(leaf));
            assert_eq!(partition.index_of(*p), expected);
        }
    }
}

#[test]
fn order_of_points_does_not_matter() {
    let points = world();
    let mut turned = points.clone();
    turned.reverse();
    turned.rotate_left(77);
    let a = config(50, 5).build(&points).unwrap().0;
    let b = config(50, 5).build(&turned).unwrap().0;
    assert_eq!(a, b);
    assert_eq!(a.content_hash(), b.content_hash());
    assert_eq!(a.content_hash().len(), 64);
    let c = config(60, 5).build(&points).unwrap().0;
    assert_ne!(a.content_hash(), c.content_hash());
}

#[test]
fn rescue_loses_no_points_and_keeps_classes_large() {
    // Two clusters on faces of their own, each too small: together they are the world's rest.
    let mut points = world();
    points.extend(cluster(12.0, 90.0, 19));
    let rescue = AdaptivePartition {
        small_cells: SmallCells::Rescue,
        ..config(60, 20)
    };
    let (partition, report) = rescue.build(&points).unwrap();
    assert_eq!(report.placed, points.len() as u64);
    assert!(report.dropped.is_empty());
    assert!(partition.counts().iter().all(|&n| n >= 20));
    let mut counts = vec![0; partition.len()];
    for p in &points {
        counts[partition.index_of(*p).unwrap()] += 1;
    }
    assert_eq!(counts, partition.counts());
    let (_, report) = rescue.build(&world()).unwrap();
    assert_eq!(
        report.dropped[0].points, 3,
        "the world's rest is below 20 here"
    );
    let (dropping, _) = config(60, 20).build(&points).unwrap();
    assert!(dropping.counts().iter().sum::<u64>() < points.len() as u64);
}

#[test]
fn one_place_a_million_times_is_one_leaf() {
    let p = LatLng::new(0.0, 0.0).unwrap();
    let (partition, report) = AdaptivePartition::default()
        .build(&vec![p; 1_000_000])
        .unwrap();
    assert_eq!(partition.len(), 1);
    assert!(partition.cell(0).unwrap().is_leaf());
    assert_eq!(partition.spread_km(0), Some(0.0));
    assert_eq!(
        report.levels,
        [LevelCount {
            level: Level::LEAF,
            cells: 1
        }]
    );
}

#[test]
fn contradictory_options_are_errors() {
    let points = world();
    assert!(matches!(
        config(5, 6).build(&points),
        Err(PartitionError::Thresholds { .. })
    ));
    assert_eq!(config(9, 5).build(&[]), Err(PartitionError::NoPoints));
    let levels = AdaptivePartition {
        min_level: Level::new(5).unwrap(),
        max_level: Level::new(4).unwrap(),
        ..config(9, 5)
    };
    assert!(matches!(
        levels.build(&points),
        Err(PartitionError::Levels { .. })
    ));
    assert!(matches!(
        config(9000, 9000).build(&points),
        Err(PartitionError::NoClasses { points: 643, .. })
    ));
}

#[test]
fn mean_has_no_seam_at_the_antimeridian() {
    let points: Vec<LatLng> = [179.9, -179.9, 179.8, -179.8]
        .map(|lng| LatLng::new(0.01, lng).unwrap())
        .to_vec();
    let (partition, _) = config(9, 1).build(&points).unwrap();
    let lng = partition.location(0).unwrap().lng();
    assert!(lng.abs() > 179.999, "{lng}");
    // Mean squared offset of 0.1 and 0.2 degrees: sqrt(0.025) degrees, within the 1 cm of a leaf.
    let expected = 0.025_f64.sqrt().to_radians() * crate::EARTH_RADIUS_KM;
    assert!((partition.spread_km(0).unwrap() - expected).abs() < 1e-3);
}

#[test]
fn bytes_round_trip_and_reject_damage() {
    let (partition, _) = config(50, 5).build(&world()).unwrap();
    let bytes = partition.to_bytes();
    let again = Partition::from_bytes(&bytes).unwrap();
    assert_eq!(again, partition);
    assert_eq!(again.to_bytes(), bytes);
    for cut in [0, 7, 8, 15, 40, bytes.len() - 1] {
        assert!(Partition::from_bytes(&bytes[..cut]).is_err(), "{cut}");
    }
    for at in [0, 9, 13, 30, bytes.len() / 2, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert!(Partition::from_bytes(&damaged).is_err(), "{at}");
    }
}

#[test]
fn bytes_in_another_form_are_refused() {
    use crate::PartitionBytesError;
    use sha2::{Digest, Sha256};

    let points = [
        LatLng::new(1.0, 2.0).unwrap(),
        LatLng::new(-50.0, 100.0).unwrap(),
    ];
    let (partition, _) = config(1, 1).build(&points).unwrap();
    let bytes = partition.to_bytes();
    // Mark, version, kind, number of places, then latitude and longitude.
    let at = 8 + 4 + 4 + 8 + 8;
    let lng = f64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let mut turned = bytes.clone();
    turned[at..at + 8].copy_from_slice(&(lng + 360.0).to_le_bytes());
    let end = turned.len() - 32;
    let digest = Sha256::digest(&turned[..end]);
    turned[end..].copy_from_slice(&digest);
    assert_eq!(
        Partition::from_bytes(&turned),
        Err(PartitionBytesError::Form)
    );
    assert!(Partition::from_bytes(&bytes).is_ok());
}

#[test]
fn nearest_is_the_least_distance() {
    let (partition, _) = config(50, 5).build(&world()).unwrap();
    for (lat, lng) in [(48.0, 2.0), (-90.0, 0.0), (10.0, -179.0), (0.0, 0.0)] {
        let p = LatLng::new(lat, lng).unwrap();
        let distance = |i: usize| crate::haversine_km(partition.locations()[i], p);
        let best = (0..partition.len())
            .min_by(|&a, &b| distance(a).total_cmp(&distance(b)))
            .unwrap();
        assert!((distance(best) - distance(partition.nearest(p).unwrap())).abs() < 1e-9);
    }
}
