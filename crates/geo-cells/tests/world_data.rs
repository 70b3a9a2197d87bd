//! Real coordinates and borders through the builders. Prints the figures of the documentation;
//! skipped with a message where the data are not there.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::float_cmp,
    reason = "a test may stop, print, and compare exact numbers"
)]

use std::path::PathBuf;

use geoloc_geo_cells::{
    AdaptivePartition, CellId, CellLocation, FixedLevelPartition, GeoclassSetConfig, GeoclassSets,
    LatLng, Level, NestedPartition, OracleError, Partition, PartitionBuilder, PlacesOptions,
    QuadtreePartition, RegionMap, RegionPartition, SmallCells, SphericalKMeans, read_places,
    read_regions_topojson,
};

/// A file of the development data; `None`, with a message, where it is missing.
fn data(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("GEOLOC_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let file = root.join(path);
    if file.exists() {
        return Some(file);
    }
    println!("skipped: {path} is not among the development data (set GEOLOC_DATA)");
    None
}

fn gallery() -> Option<Vec<LatLng>> {
    let file = std::fs::File::open(data("weights/geoclip/coordinates_100K.csv")?).unwrap();
    let table = read_places(file, &PlacesOptions::default()).unwrap();
    assert!(table.bad_rows.is_empty());
    Some(table.places)
}

fn print(name: &str, partition: &Partition, points: &[LatLng]) -> OracleError {
    let oracle = OracleError::measure(partition, points).unwrap();
    let within: Vec<String> = oracle
        .within
        .iter()
        .map(|(_, share)| format!("{:.1}", 100.0 * share))
        .collect();
    println!(
        "| {name} | {} | {} | {:.1} | {} |",
        partition.len(),
        oracle.unplaced,
        oracle.median_km,
        within.join(" / ")
    );
    oracle
}

#[test]
fn gallery_through_every_builder() {
    let Some(points) = gallery() else { return };
    assert_eq!(points.len(), 100_000);
    println!(
        "| builder | classes | unplaced | median km | % within 1 / 25 / 200 / 750 / 2500 km |"
    );
    let adaptive = AdaptivePartition {
        split_above: 100,
        drop_below: 5,
        ..Default::default()
    };
    let level = |n| FixedLevelPartition {
        level: Level::new(n).unwrap(),
        ..Default::default()
    };
    let builders: Vec<(&str, Box<dyn PartitionBuilder>)> = vec![
        ("level 6", Box::new(level(6))),
        ("level 8", Box::new(level(8))),
        ("adaptive 100, drop 5", Box::new(adaptive)),
        (
            "adaptive 100, rescue 5",
            Box::new(AdaptivePartition {
                small_cells: SmallCells::Rescue,
                ..adaptive
            }),
        ),
        (
            "quadtree 100",
            Box::new(QuadtreePartition {
                split_above: 100,
                ..Default::default()
            }),
        ),
        (
            "k-means 2,000",
            Box::new(SphericalKMeans {
                clusters: 2000,
                max_iterations: 20,
                ..Default::default()
            }),
        ),
    ];
    for (name, builder) in builders {
        let (partition, report) = builder.build(&points).unwrap();
        let oracle = print(name, &partition, &points);
        assert_eq!(report.oracle.as_ref(), Some(&oracle));
        let lost: u64 = report.dropped.iter().map(|d| d.points).sum();
        assert_eq!(report.placed + lost, 100_000);
        assert_eq!(oracle.unplaced, lost);
        assert_eq!(
            Partition::from_bytes(&partition.to_bytes()).unwrap(),
            partition
        );
        // Each kind of location, on the same ground.
        if name == "adaptive 100, drop 5" {
            for kind in [
                CellLocation::Centre,
                CellLocation::SphericalMean,
                CellLocation::GeometricMedian,
                CellLocation::Medoid,
            ] {
                let other = partition.refit(&points, kind).unwrap();
                print(&format!("  located by {kind:?}"), &other, &points);
            }
        }
    }
    let nested = NestedPartition {
        split_above: vec![1000, 300, 100],
        drop_below: 5,
        ..Default::default()
    };
    let (hierarchy, _) = nested.build(&points).unwrap();
    for (name, partition) in ["coarse 1,000", "middle 300", "fine 100"]
        .iter()
        .zip(hierarchy.partitions())
    {
        print(&format!("nested, {name}"), partition, &points);
    }
    let configs =
        [(500, 0.0), (600, 0.5), (400, 1.0)].map(|(classes, node_cells)| GeoclassSetConfig {
            classes,
            node_cells,
            ..GeoclassSetConfig::default()
        });
    let base = AdaptivePartition {
        split_above: 30,
        drop_below: 1,
        ..Default::default()
    };
    let (base, _) = base.build(&points).unwrap();
    let sets = GeoclassSets::build(base, &configs, &[]).unwrap();
    for s in 0..3 {
        print(&format!("geoclass set {s}"), sets.set(s).unwrap(), &points);
    }
    print("geoclass fine cells", sets.fine(), &points);
}

#[test]
fn quadtree_file_of_osv5m() {
    let Some(path) = data("cells/osv5m_quadtree_10_1000.csv") else {
        return;
    };
    let (partition, bad) = Partition::read_csv(std::fs::File::open(path).unwrap()).unwrap();
    assert!(bad.is_empty());
    assert_eq!(partition.len(), 11_399);
    // The mean of each box lies in the box itself.
    let own = (0..partition.len())
        .filter(|&i| partition.index_of(partition.locations()[i]) == Some(i))
        .count();
    println!("{own} of {} means lie in their own box", partition.len());
    assert!(own as f64 > 0.99 * partition.len() as f64);
    let again = Partition::from_bytes(&partition.to_bytes()).unwrap();
    assert_eq!(again.content_hash(), partition.content_hash());
    if let Some(points) = gallery() {
        print("OSV-5M file, its means", &partition, &points);
        let refit = partition
            .refit(&points, CellLocation::SphericalMean)
            .unwrap();
        print("OSV-5M file, gallery means", &refit, &points);
    }
}

#[test]
fn countries_of_the_world() {
    let Some(path) = data("vectors/countries-50m.json") else {
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let regions = read_regions_topojson(&text, "countries", "name", None).unwrap();
    println!("{} countries", regions.len());
    let map = RegionMap::new(regions.clone()).unwrap();
    for (lat, lng, country) in [
        (48.8566, 2.3522, "France"),
        (-33.8688, 151.2093, "Australia"),
        (-17.8, 178.0, "Fiji"),
        (67.0, 178.5, "Russia"),
        (66.2, -172.0, "Russia"),
        (-85.0, 10.0, "Antarctica"),
        (-29.6, 28.2, "Lesotho"),
        (-29.0, 26.2, "South Africa"),
    ] {
        let region = map.region_of(LatLng::new(lat, lng).unwrap());
        assert_eq!(
            region.map(|r| r.name.as_str()),
            Some(country),
            "{lat} {lng}"
        );
    }
    assert!(map.region_of(LatLng::new(0.0, -140.0).unwrap()).is_none());
    let Some(points) = gallery() else { return };
    let builder = RegionPartition {
        min_points: 100,
        max_points: 1000,
        ..RegionPartition::new(regions)
    };
    let (partition, report) = builder.build(&points).unwrap();
    println!("{report}");
    print("countries, 100 to 1,000", &partition, &points);
    assert!(partition.counts().iter().all(|&n| n >= 100));
    let again = Partition::from_geojson(partition.to_geojson()).unwrap();
    assert_eq!(again.content_hash(), partition.content_hash());
}

#[test]
fn report_of_the_gallery_in_full() {
    let Some(points) = gallery() else { return };
    let adaptive = AdaptivePartition {
        split_above: 100,
        drop_below: 5,
        ..Default::default()
    };
    let (partition, report) = adaptive.build(&points).unwrap();
    println!("{report}");
    assert_eq!(report.classes, partition.len());
    let levels: u64 = report.levels.iter().map(|l| l.cells).sum();
    assert_eq!(levels, partition.len() as u64);
    for i in (0..partition.len()).step_by(97) {
        let cell: CellId = partition.cell(i).unwrap();
        let location = CellId::from_lat_lng(partition.location(i).unwrap());
        // The mean of points in a convex cell is in the cell.
        assert!(cell.contains(location));
    }
}
