use super::*;
use crate::PartitionBuilder;

fn square(west: f64, south: f64, size: f64) -> Polygon {
    let (east, north) = (west + size, south + size);
    Polygon::new(vec![vec![
        [west, south],
        [east, south],
        [east, north],
        [west, north],
    ]])
    .unwrap()
}

fn region(name: &str, parent: &str, west: f64) -> Region {
    Region {
        name: name.into(),
        parent: Some(parent.into()),
        polygons: vec![square(west, 40.0, 1.0)],
    }
}

/// `n` points around the middle of the square that starts at `west`.
fn inside(west: f64, n: usize) -> Vec<LatLng> {
    (0..n)
        .map(|k| {
            let t = k as f64;
            LatLng::new(
                40.5 + 0.3 * (1.7 * t).sin(),
                west + 0.5 + 0.3 * (0.9 * t).cos(),
            )
            .unwrap()
        })
        .collect()
}

#[test]
fn small_regions_join_inside_their_parent_first() {
    let regions = vec![
        region("a", "X", 0.0),
        region("b", "Y", 1.0),
        region("c", "Y", 2.0),
        region("island", "Z", 50.0),
    ];
    let mut points = inside(0.0, 40);
    points.extend(inside(1.0, 5));
    points.extend(inside(2.0, 40));
    points.extend(inside(50.0, 3));
    points.push(LatLng::new(0.0, 0.0).unwrap());
    let config = RegionPartition {
        min_points: 10,
        max_points: 100,
        ..RegionPartition::new(regions)
    };
    let (partition, report) = config.build(&points).unwrap();
    // b borders a and c, and shares the parent of c; the island joins the nearest.
    assert_eq!(partition.names().unwrap(), ["a", "b + c + island"]);
    assert_eq!(partition.counts(), [40, 48]);
    assert_eq!(report.dropped.len(), 1);
    assert_eq!(
        (report.dropped[0].reason, report.dropped[0].points),
        (DropReason::OutsideRegions, 1)
    );
    assert_eq!(partition.index_of(points[0]), Some(0));
    assert_eq!(partition.index_of(LatLng::new(40.5, 1.5).unwrap()), Some(1));
    assert_eq!(partition.index_of(LatLng::new(40.5, 4.5).unwrap()), None);
    assert_eq!(
        Partition::from_bytes(&partition.to_bytes()).unwrap(),
        partition
    );
}

#[test]
fn large_regions_are_divided_between_their_clusters() {
    let mut points = Vec::new();
    for (lat, lng, n) in [(40.2, 0.2, 80), (40.8, 0.7, 60), (40.2, 0.8, 50)] {
        points.extend((0..n).map(|k| {
            let t = f64::from(k);
            let r = 0.02 * (0.5 + 0.5 * (2.3 * t).sin());
            LatLng::new(lat + r * (0.9 * t).sin(), lng + r * (1.1 * t).cos()).unwrap()
        }));
    }
    let config = RegionPartition::new(vec![region("a", "X", 0.0)]);
    let (partition, report) = config.build(&points).unwrap();
    assert!(partition.len() >= 3, "{:?}", partition.counts());
    assert!(
        partition.counts().iter().all(|&n| n >= 30),
        "{:?}",
        partition.counts()
    );
    assert_eq!(report.placed, 190);
    assert_eq!(partition.name(0), Some("a #1"));
    // Training points are counted by the look-up itself.
    let mut counts = vec![0; partition.len()];
    for p in &points {
        counts[partition.index_of(*p).unwrap()] += 1;
    }
    assert_eq!(counts, partition.counts());
    let mut turned = points.clone();
    turned.reverse();
    assert_eq!(
        config.build(&turned).unwrap().0.content_hash(),
        partition.content_hash()
    );
    let undivided = RegionPartition {
        rounds: vec![],
        ..config
    };
    assert_eq!(undivided.build(&points).unwrap().0.len(), 1);
}

#[test]
fn common_borders_belong_to_exactly_one_polygon() {
    // Two triangles that share a slanted edge, walked in opposite directions.
    let left = Polygon::new(vec![vec![[0.0, 0.0], [1.3, 0.7], [0.2, 1.9]]]).unwrap();
    let right = Polygon::new(vec![vec![[1.3, 0.7], [0.0, 0.0], [2.1, -0.4]]]).unwrap();
    for k in 0..=1000 {
        let t = f64::from(k) / 1000.0;
        let (lng, lat) = (1.3 * t, 0.7 * t);
        let holders = [&left, &right]
            .iter()
            .filter(|p| p.contains(lng, lat))
            .count();
        assert!(
            holders == 1 || (holders == 0 && (k == 0 || k == 1000)),
            "{t} {holders}"
        );
    }
    let ring = vec![[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0], [0.0, 0.0]];
    let hole = vec![[1.0, 1.0], [2.0, 1.0], [2.0, 2.0], [1.0, 2.0], [1.0, 1.0]];
    let polygon = Polygon::new(vec![ring, hole]).unwrap();
    assert!(polygon.contains(0.5, 0.5) && !polygon.contains(1.5, 1.5));
}

#[test]
fn polygons_beyond_the_antimeridian() {
    let regions = vec![Region {
        name: "Fiji".into(),
        parent: None,
        polygons: vec![square(177.0, -20.0, 5.0)],
    }];
    let points = vec![LatLng::new(-17.0, -179.0).unwrap(); 40];
    let (partition, report) = RegionPartition::new(regions).build(&points).unwrap();
    assert_eq!(report.placed, 40);
    assert_eq!(
        partition.index_of(LatLng::new(-17.0, 178.0).unwrap()),
        Some(0)
    );
}

#[test]
fn wrong_options_and_polygons_are_errors() {
    let points = inside(0.0, 40);
    let good = RegionPartition::new(vec![region("a", "X", 0.0)]);
    assert!(good.build(&[]).is_err());
    assert!(RegionPartition::new(vec![]).build(&points).is_err());
    for config in [
        RegionPartition {
            min_points: 100,
            ..good.clone()
        },
        RegionPartition {
            border_deg: 0.0,
            ..good.clone()
        },
        RegionPartition {
            rounds: vec![OpticsRound {
                min_samples: 1,
                xi: 0.1,
            }],
            ..good.clone()
        },
        RegionPartition {
            rounds: vec![OpticsRound {
                min_samples: 5,
                xi: 1.0,
            }],
            ..good.clone()
        },
    ] {
        assert!(config.build(&points).is_err());
    }
    assert!(Polygon::new(vec![]).is_err());
    assert!(Polygon::new(vec![vec![]]).is_err());
    assert!(Polygon::new(vec![vec![[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]).is_err());
    assert!(Polygon::new(vec![vec![[0.0, 0.0], [1.0, 91.0], [0.0, 1.0]]]).is_err());
    assert!(Polygon::new(vec![vec![[f64::NAN, 0.0], [1.0, 9.0], [0.0, 1.0]]]).is_err());
}
