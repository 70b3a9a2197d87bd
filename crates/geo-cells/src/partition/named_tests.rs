use super::*;

fn place(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

fn cities() -> NamedPlaces {
    NamedPlaces::new(vec![
        ("Suva".into(), place(-18.1248, 178.4501)),
        ("Apia".into(), place(-13.8507, -171.7514)),
        ("Paris".into(), place(48.8566, 2.3522)),
    ])
}

#[test]
fn nearest_place_across_the_antimeridian() {
    let (partition, report) = cities()
        .build(&[place(-17.0, -179.5), place(-14.0, -172.0)])
        .unwrap();
    assert_eq!(
        partition.name(partition.index_of(place(-17.0, -179.5)).unwrap()),
        Some("Suva")
    );
    assert_eq!(partition.counts(), [1, 1, 0]);
    // Without points a class stands at its place.
    assert_eq!(partition.location(2), Some(place(48.8566, 2.3522)));
    assert_eq!(report.placed, 2);
    assert_eq!(
        Partition::from_bytes(&partition.to_bytes()).unwrap(),
        partition
    );
}

#[test]
fn far_points_and_small_places_are_reported() {
    let points = [
        place(48.9, 2.3),
        place(48.8, 2.4),
        place(-18.0, 178.4),
        place(0.0, 0.0),
    ];
    let config = NamedPlaces {
        max_km: Some(100.0),
        drop_below: 2,
        ..cities()
    };
    let (partition, report) = config.build(&points).unwrap();
    assert_eq!(partition.names().unwrap(), ["Paris"]);
    let lost: Vec<(DropReason, u64)> = report
        .dropped
        .iter()
        .map(|d| (d.reason, d.points))
        .collect();
    assert_eq!(lost, [(DropReason::SmallCell, 1), (DropReason::TooFar, 1)]);
    assert_eq!(partition.index_of(place(0.0, 0.0)), None);
    assert!(partition.nearest(place(0.0, 0.0)).is_some());
}

#[test]
fn labels_make_places() {
    let points = [place(1.0, 179.0), place(1.0, -179.0), place(5.0, 5.0)];
    let named = NamedPlaces::from_labels(&points, &["b", "b", "a"]).unwrap();
    let names: Vec<&str> = named.places.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert!((named.places[1].1.lng().abs() - 180.0).abs() < 1e-9);
    assert!(NamedPlaces::from_labels(&points, &["a"]).is_err());
    assert!(NamedPlaces::from_labels::<&str>(&[], &[]).is_err());
}

#[test]
fn wrong_options_are_errors() {
    let points = [place(0.0, 0.0)];
    assert!(NamedPlaces::new(vec![]).build(&points).is_err());
    let mut twice = cities();
    twice.places.push(("Paris".into(), place(33.66, -95.55)));
    assert!(matches!(
        twice.build(&points),
        Err(PartitionError::DuplicateName { .. })
    ));
    for max_km in [0.0, -1.0, f64::NAN] {
        let config = NamedPlaces {
            max_km: Some(max_km),
            ..cities()
        };
        assert!(config.build(&points).is_err());
    }
}
