//! Tables and GeoJSON, in and out, good and bad.
#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::panic,
    clippy::print_stdout,
    clippy::float_cmp,
    reason = "a test may stop, print, and compare exact numbers"
)]

use geoloc_geo_cells::{
    AdaptivePartition, BadRowReason, CellId, FixedLevelPartition, Geometry, LatLng, Level,
    NamedPlaces, Partition, PartitionBuilder, PlacesOptions, QuadtreePartition, RegionMap,
    RegionPartition, SmallCells, SphericalKMeans, TableError, read_places, read_regions_geojson,
    read_regions_topojson,
};

fn points() -> Vec<LatLng> {
    (0..1500)
        .map(|k| {
            let t = f64::from(k);
            LatLng::new(89.9 * (0.37 * t).sin(), 180.0 * (0.113 * t).sin()).unwrap()
        })
        .collect()
}

fn region_set() -> RegionPartition {
    let text = r#"{"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"name": "A", "land": "L"}, "geometry":
            {"type": "Polygon", "coordinates": [[[-180,-90],[0,-90],[0,90],[-180,90],[-180,-90]]]}},
        {"type": "Feature", "properties": {"name": 7}, "geometry":
            {"type": "MultiPolygon", "coordinates": [[[[0,-90],[180,-90],[180,90],[0,90],[0,-90]]]]}},
        {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [1, 2]}},
        {"type": "Feature", "properties": {}, "geometry": null}
    ]}"#;
    let regions = read_regions_geojson(text, "name", Some("land")).unwrap();
    assert_eq!(regions.len(), 2);
    assert_eq!(
        (regions[0].name.as_str(), regions[0].parent.as_deref()),
        ("A", Some("L"))
    );
    assert_eq!(
        (regions[1].name.as_str(), regions[1].parent.as_deref()),
        ("7", None)
    );
    RegionPartition {
        min_points: 20,
        max_points: 200,
        ..RegionPartition::new(regions)
    }
}

/// One partition of every kind of ground.
fn partitions() -> Vec<(&'static str, Partition)> {
    let points = points();
    let adaptive = AdaptivePartition {
        split_above: 20,
        drop_below: 3,
        ..Default::default()
    };
    let rescue = AdaptivePartition {
        small_cells: SmallCells::Rescue,
        ..adaptive
    };
    let complete = FixedLevelPartition {
        level: Level::new(1).unwrap(),
        keep_empty: true,
        ..Default::default()
    };
    let quadtree = QuadtreePartition {
        split_above: 30,
        ..Default::default()
    };
    let kmeans = SphericalKMeans {
        clusters: 30,
        ..Default::default()
    };
    let mut named = NamedPlaces::new(vec![
        (
            "Suva, \"the capital\"".into(),
            LatLng::new(-18.1, 178.4).unwrap(),
        ),
        ("Zürich".into(), LatLng::new(47.37, 8.54).unwrap()),
    ]);
    named.max_km = None;
    let built = |builder: &dyn PartitionBuilder| builder.build(&points).unwrap().0;
    vec![
        ("adaptive", built(&adaptive)),
        ("rescue", built(&rescue)),
        ("complete", built(&complete)),
        ("quadtree", built(&quadtree)),
        ("k-means", built(&kmeans)),
        ("named", built(&named)),
        ("regions", built(&region_set())),
    ]
}

#[test]
fn every_kind_goes_through_geojson_unchanged() {
    for (kind, partition) in partitions() {
        let text = partition.to_geojson();
        let again = Partition::from_geojson(&text).unwrap();
        assert_eq!(again, partition, "{kind}");
        assert_eq!(again.content_hash(), partition.content_hash(), "{kind}");
    }
    let named = NamedPlaces {
        max_km: Some(50.0),
        ..NamedPlaces::new(vec![("x".into(), LatLng::new(1.0, 2.0).unwrap())])
    };
    let (limited, _) = named.build(&[]).unwrap();
    assert_eq!(
        Partition::from_geojson(limited.to_geojson()).unwrap(),
        limited
    );
}

#[test]
fn every_kind_but_polygons_goes_through_a_table_unchanged() {
    for (kind, partition) in partitions() {
        let mut csv = Vec::new();
        let written = partition.write_csv(&mut csv);
        if matches!(partition.geometry(), Geometry::Regions(_)) {
            assert!(matches!(written, Err(TableError::Ground { .. })));
            continue;
        }
        written.unwrap();
        let (again, bad) = Partition::read_csv(csv.as_slice()).unwrap();
        assert!(bad.is_empty(), "{kind} {bad:?}");
        assert_eq!(again, partition, "{kind}");
    }
}

#[test]
fn outlines_stay_on_the_map() {
    for (kind, partition) in partitions() {
        let value: serde_json::Value = serde_json::from_str(&partition.to_geojson()).unwrap();
        let mut numbers = 0;
        for feature in value["features"].as_array().unwrap() {
            let mut open = vec![&feature["geometry"]["coordinates"]];
            while let Some(item) = open.pop() {
                let list = item.as_array().unwrap();
                if list[0].is_number() {
                    let (lng, lat) = (list[0].as_f64().unwrap(), list[1].as_f64().unwrap());
                    assert!((-180.0..=180.0).contains(&lng) && (-90.0..=90.0).contains(&lat));
                    numbers += 1;
                } else {
                    open.extend(list);
                }
            }
        }
        assert!(numbers > 0, "{kind}");
    }
    // The outlines of all cells of a level make up the map: 360 x 180 square degrees.
    let complete = FixedLevelPartition {
        level: Level::new(2).unwrap(),
        keep_empty: true,
        ..Default::default()
    };
    let text = complete.build(&points()).unwrap().0.to_geojson();
    let regions = read_regions_geojson(&text, "class", None).unwrap();
    let area = |ring: &Vec<[f64; 2]>| {
        let next = ring.iter().cycle().skip(1);
        0.5 * ring
            .iter()
            .zip(next)
            .map(|(a, b)| a[0] * b[1] - b[0] * a[1])
            .sum::<f64>()
    };
    let polygons = || regions.iter().flat_map(|r| &r.polygons);
    let total: f64 = polygons()
        .flat_map(geoloc_geo_cells::Polygon::rings)
        .map(|ring| area(ring).abs())
        .sum();
    println!("outlines of level 2 cover {total:.1} of 64800 square degrees");
    assert!((total / 64_800.0 - 1.0).abs() < 1e-3, "{total}");
}

#[test]
fn files_of_others() {
    let cells = "class_label,hex_id,imgs_per_cell,latitude_mean,longitude_mean\n\
        0,47e4,51,48.5,2.1\n1,89c25,70,40.7,-74.1\n2,4.7E+064,60,1.0,2.0\n3,47e5,x,1,2\n\
        4,6b14,55,-33.9,151.2\n5,6b14,1,0,0\n";
    let (partition, bad) = Partition::read_csv(cells.as_bytes()).unwrap();
    assert_eq!(partition.len(), 3);
    assert_eq!(partition.counts(), [51, 70, 55]);
    assert_eq!(partition.cell(0), Some(CellId::from_token("47e4").unwrap()));
    let lines: Vec<u64> = bad.iter().map(|row| row.line).collect();
    assert_eq!(lines, [4, 5, 7]);
    assert!(matches!(bad[0].reason, BadRowReason::Token(_)));
    assert!(matches!(
        bad[1].reason,
        BadRowReason::Number {
            column: "count",
            ..
        }
    ));
    assert_eq!(bad[2].reason, BadRowReason::Repeated { line: 6 });

    let grid = "token\tlat\tlon\n47e4\t48.5\t2.1\r\n89c25\t40.7\t-74.1\n";
    let (partition, bad) = Partition::read_csv(grid.as_bytes()).unwrap();
    assert_eq!((partition.len(), bad.len()), (2, 0));

    let overlap = "token\n47e4\n47e44\n";
    assert!(matches!(
        Partition::read_csv(overlap.as_bytes()),
        Err(TableError::Partition(_))
    ));
    assert!(matches!(
        Partition::read_csv("token\n".as_bytes()),
        Err(TableError::NoRows { .. })
    ));
    assert!(matches!(
        Partition::read_csv("".as_bytes()),
        Err(TableError::Column { .. })
    ));
    let text = Partition::read_csv("a,b\n1,2\n".as_bytes())
        .unwrap_err()
        .to_string();
    assert!(text.contains("\"a\", \"b\""), "{text}");
}

#[test]
fn coordinates_in_many_dialects() {
    let options = PlacesOptions::default();
    for text in [
        "lat,lng\n1.5,2.5\n3,4\n",
        "Latitude;Longitude;x\n1.5;2.5;a\n3;4;b\n",
        "\u{feff}id\tLON\tLAT\na\t2.5\t1.5\nb\t4\t3\n",
        "name,lat,lon\n\"a, b\", 1.5 , 2.5\n\"c\nd\",3,4\n",
        "lat,lng\r\n1.5,2.5\r\n3,-356\r\n",
    ] {
        let table = read_places(text.as_bytes(), &options).unwrap();
        let expected = [
            LatLng::new(1.5, 2.5).unwrap(),
            LatLng::new(3.0, 4.0).unwrap(),
        ];
        assert_eq!(table.places, expected, "{text}");
        assert!(table.bad_rows.is_empty());
    }
    let named = PlacesOptions {
        latitude: Some("phi".into()),
        longitude: Some("lambda".into()),
        label: Some("user".into()),
    };
    let table = read_places("user,phi,lambda\nNA,1,2\n".as_bytes(), &named).unwrap();
    assert_eq!(table.labels.unwrap(), ["NA"]);
}

#[test]
fn bad_rows_are_reported_by_line() {
    let text = "lat,lng\n1,2\nNaN,2\n91,2\n5\n,\n1e999,3\n6,inf\n\u{fffd},1\n7,8\n";
    let table = read_places(text.as_bytes(), &PlacesOptions::default()).unwrap();
    assert_eq!(table.places.len(), 2);
    let lines: Vec<u64> = table.bad_rows.iter().map(|row| row.line).collect();
    assert_eq!(lines, [3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(
        table.bad_rows[2].reason,
        BadRowReason::Fields {
            found: 1,
            expected: 2
        }
    );
    let invalid = b"lat,lng\n1,2\n\xff\xfe,3\n";
    let table = read_places(&invalid[..], &PlacesOptions::default()).unwrap();
    assert_eq!((table.places.len(), table.bad_rows.len()), (1, 1));
}

#[test]
fn swapped_columns_are_suspected() {
    let mut text = String::from("lat,lng\n");
    for k in 0..20 {
        let (lat, lng) = (-170 + 17 * k, 2 * k - 20);
        text.push_str(&format!("{lat},{lng}\n"));
    }
    match read_places(text.as_bytes(), &PlacesOptions::default()) {
        Err(TableError::Swapped { rows, total, line }) => {
            assert_eq!((rows, total, line), (9, 20, 2));
        }
        other => panic!("{other:?}"),
    }
    let one = "lat,lng\n".to_owned() + &"1,2\n".repeat(20) + "120,30\n";
    assert_eq!(
        read_places(one.as_bytes(), &PlacesOptions::default())
            .unwrap()
            .bad_rows
            .len(),
        1
    );
}

#[test]
fn damaged_geojson_is_an_error() {
    for text in [
        "",
        "{}",
        "[1]",
        r#"{"type": "Point", "coordinates": [1, 2]}"#,
        r#"{"type": "FeatureCollection", "features": []}"#,
        r#"{"type": "FeatureCollection", "features": [], "geoloc_partition": {"version": 2}}"#,
    ] {
        assert!(Partition::from_geojson(text).is_err(), "{text}");
        assert!(read_regions_geojson(text, "name", None).is_err(), "{text}");
    }
    let (_, partition) = partitions().swap_remove(0);
    let text = partition.to_geojson();
    for (from, to) in [
        ("\"class\":0", "\"class\":1"),
        ("\"count\":", "\"n\":"),
        ("\"tokens\":[\"", "\"tokens\":[\"X"),
        ("\"latitude\":", "\"latitude\":9"),
        ("\"ground\":\"cells\"", "\"ground\":\"boxes\""),
    ] {
        assert!(text.contains(from), "{from}");
        assert!(
            Partition::from_geojson(text.replacen(from, to, 1)).is_err(),
            "{from}"
        );
    }
    let short = r#"{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {},
        "geometry": {"type": "Polygon", "coordinates": [[[0], [1, 1], [2, 0], [0, 0]]]}}]}"#;
    assert!(read_regions_geojson(short, "name", None).is_err());
}

#[test]
fn topojson_arcs_are_stitched() {
    // Two squares with a common border: the second uses the arc of the border backwards.
    let text = r#"{"type": "Topology", "transform": {"scale": [0.5, 0.5], "translate": [10, 20]},
        "arcs": [[[2, 0], [0, 2]], [[2, 2], [-2, 0], [0, -2], [2, 0]], [[2, 2], [2, 0], [0, -2], [-2, 0]]],
        "objects": {"land": {"type": "GeometryCollection", "geometries": [
            {"type": "Polygon", "arcs": [[0, 1]], "id": "004", "properties": {"name": "W"}},
            {"type": "MultiPolygon", "arcs": [[[-1, -3]]], "id": 5},
            {"type": null}
        ]}}}"#;
    let broken = text.replace("[-1, -3]", "[-1, 7]");
    assert!(read_regions_topojson(&broken, "land", "name", None).is_err());
    assert!(read_regions_topojson(text, "sea", "name", None).is_err());
    assert!(read_regions_topojson("{", "land", "name", None).is_err());
    // The reversed third arc must start where the reversed first ends.
    let regions = read_regions_topojson(text, "land", "name", None).unwrap();
    assert_eq!(regions[0].name, "W");
    assert_eq!(regions[1].name, "5");
    assert_eq!(regions[0].polygons[0].bounds(), [10.0, 20.0, 11.0, 21.0]);
    assert_eq!(regions[1].polygons[0].bounds(), [11.0, 20.0, 12.0, 21.0]);
}

#[test]
fn rings_that_are_not_cut_go_the_shorter_way() {
    let fiji = include_str!("fixtures/antimeridian_uncut.geojson");
    let arcs = r#"{"type": "Topology", "arcs": [[[178, -19], [-178, -19], [-178, -15], [178, -15], [178, -19]]],
        "objects": {"land": {"type": "GeometryCollection", "geometries": [
            {"type": "Polygon", "arcs": [[0]], "properties": {"name": "r0"}}]}}}"#;
    for regions in [
        read_regions_geojson(fiji, "name", None).unwrap(),
        read_regions_topojson(arcs, "land", "name", None).unwrap(),
    ] {
        let map = RegionMap::new(regions).unwrap();
        let held = |lat, lng| map.region_of(LatLng::new(lat, lng).unwrap()).is_some();
        assert!(held(-17.0, 179.0) && held(-17.0, -179.0) && held(-17.0, 180.0));
        assert!(!held(-17.0, 0.0) && !held(-17.0, 100.0) && !held(-17.0, 177.0));
    }
}

#[test]
fn byte_order_marks_are_skipped_and_utf_16_is_named() {
    let bom = include_str!("fixtures/bom.geojson");
    assert!(bom.starts_with('\u{feff}'));
    assert_eq!(
        read_regions_geojson(bom, "name", None).unwrap()[0].name,
        "r0"
    );
    let topology = "\u{feff}{\"type\": \"Topology\", \"arcs\": [[[0, 0], [1, 0], [1, 1], [0, 0]]],
        \"objects\": {\"land\": {\"type\": \"GeometryCollection\", \"geometries\": [
            {\"type\": \"Polygon\", \"arcs\": [[0]]}]}}}";
    assert!(read_regions_topojson(topology, "land", "name", None).is_ok());
    let (_, partition) = partitions().swap_remove(0);
    let marked = format!("\u{feff}{}", partition.to_geojson());
    assert_eq!(Partition::from_geojson(marked).unwrap(), partition);
    let utf16: Vec<u8> = bom.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let shown = [
        read_regions_geojson(&utf16, "name", None)
            .unwrap_err()
            .to_string(),
        read_regions_topojson(&utf16, "land", "name", None)
            .unwrap_err()
            .to_string(),
        Partition::from_geojson(&utf16).unwrap_err().to_string(),
    ];
    assert!(shown.iter().all(|s| s.contains("UTF-16")), "{shown:?}");
}

#[test]
fn boxes_wider_than_half_the_world_are_read_back_by_every_reader() {
    let text = "min_lat,min_lng,max_lat,max_lng\n-10,-170,10,170\n20,-180,30,180\n";
    let (partition, _) = Partition::read_csv(text.as_bytes()).unwrap();
    let geojson = partition.to_geojson();
    assert_eq!(Partition::from_geojson(&geojson).unwrap(), partition);
    let map = RegionMap::new(read_regions_geojson(&geojson, "class", None).unwrap()).unwrap();
    for (lat, lng, class) in [
        (0.0, 0.0, Some(0)),
        (0.0, 175.0, None),
        (25.0, 179.0, Some(1)),
    ] {
        assert_eq!(map.index_of(LatLng::new(lat, lng).unwrap()), class);
    }
}

#[test]
fn limits_and_names_of_a_partition_that_cannot_be_read_are_errors() {
    let named = NamedPlaces {
        max_km: Some(50.0),
        ..NamedPlaces::new(vec![
            ("x".into(), LatLng::new(1.0, 2.0).unwrap()),
            ("y".into(), LatLng::new(3.0, 4.0).unwrap()),
        ])
    };
    let text = named.build(&[]).unwrap().0.to_geojson();
    for (from, to) in [
        ("\"max_km\":50.0", "\"max_km\":\"50\""),
        ("\"max_km\":50.0", "\"max_km\":-1"),
        (",\"name\":\"x\"", ""),
    ] {
        assert!(text.contains(from), "{from} in {text}");
        assert!(
            Partition::from_geojson(text.replacen(from, to, 1)).is_err(),
            "{to}"
        );
    }
}

#[test]
fn a_region_without_photos_lies_where_its_ground_is() {
    let square = |west: f64| {
        let (south, north, east) = (40.0, 50.0, west + 10.0);
        format!(
            r#"{{"type": "Feature", "properties": {{}}, "geometry": {{"type": "Polygon", "coordinates":
            [[[{west}, {south}], [{east}, {south}], [{east}, {north}], [{west}, {north}]]]}}}}"#
        )
    };
    let (here, there) = (square(0.0), square(100.0));
    let text = format!(r#"{{"type": "FeatureCollection", "features": [{here}, {there}]}}"#);
    let regions = RegionPartition {
        min_points: 0,
        ..RegionPartition::new(read_regions_geojson(text, "name", None).unwrap())
    };
    let points = vec![LatLng::new(45.0, 5.0).unwrap(); 30];
    let (partition, _) = regions.build(&points).unwrap();
    assert_eq!(partition.counts(), [30, 0]);
    let place = partition.location(1).unwrap();
    assert!(
        (place.lng() - 105.0).abs() < 1e-6 && place.lat() > 40.0,
        "{place}"
    );
}
