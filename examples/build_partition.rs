//! Builds a partition of the world from coordinates: partition file, report, table, GeoJSON and a
//! map picture.
//!
//! ```text
//! cargo run --release --example build_partition
//! cargo run --release --example build_partition -- --input photos.csv --builder quadtree
//! ```
//!
//! Rows of the input that cannot be read are counted and named, and the exit status is then 3. Without
//! `--input` it divides a made-up sample: 40,000 points in clusters on land. Output:
//!
//! ```text
//! adaptive S2 cells: split above 200, drop below 20, levels 0 to 30
//! points    40061 given, 38445 placed in 425 classes
//! dropped   1616 points in cells that are too small (215 cells)
//! a class   20 to 198 points, median 77, mean 90.5
//! areas     3.281e-7 to 2.125e7 km2, median 8.278e4
//! levels    1:1 2:3 3:49 4:104 5:83 6:76 7:28 8:14 9:20 10:13 11:12 12:4 16:6 17:7 21:1 24:4
//! oracle    median 38.84 km, 90 % 172.90 km, mean 74.74 km, 1616 of 40061 points in no class
//! ceiling    1 km 7.33 %  25 km 38.75 %  200 km 88.12 %  750 km 95.32 %  2500 km 95.97 %
//! suspect   0 at (0, 0), 0 of whole degrees, 0 with equal numbers, 0 in pile-ups
//! content   f4d25d49e98f7c82a2849fc3ae65cc501270a5bbb355bce79b7206a360a7de0b
//! written   target/geoloc/partition/{partition.cells, .csv, .geojson, report.json, map.png}
//! ```

#[macro_use]
#[path = "support/macros.rs"]
mod macros;
#[path = "support/program.rs"]
mod program;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use geoloc::geo_cells::{
    AdaptivePartition, FixedLevelPartition, LatLng, Level, Partition, PartitionBuilder,
    PlacesOptions, QuadtreePartition, RegionMap, SmallCells, SphericalKMeans, read_places,
    read_regions_topojson,
};
use geoloc::output::OutputFiles;
use image::{ImageFormat, Rgb, RgbImage};

use program::{EXIT_STATUS, Ending, Failure, LeftOut, at};

/// Land of Natural Earth, public domain.
const LAND: &str = include_str!("data/land-110m.json");

#[derive(Clone, Copy, ValueEnum)]
enum Builder {
    /// S2 cells, divided where points are many; small ones are dropped.
    Adaptive,
    /// The same; small cells are joined instead of dropped.
    Rescue,
    /// S2 cells of one level.
    Fixed,
    /// Boxes of latitude and longitude.
    Quadtree,
    /// Ground nearest to the centres of clusters.
    Kmeans,
}

/// Builds a partition of the world from coordinates.
#[derive(Parser)]
#[command(after_help = EXIT_STATUS)]
struct Args {
    /// Table of coordinates with a header.
    #[arg(long)]
    input: Option<PathBuf>,
    /// Column of the latitude; found by the usual names if not given.
    #[arg(long, requires = "input")]
    latitude_column: Option<String>,
    /// Column of the longitude; found by the usual names if not given.
    #[arg(long, requires = "input")]
    longitude_column: Option<String>,
    /// How the world is divided.
    #[arg(long, value_enum, default_value = "adaptive")]
    builder: Builder,
    /// A cell with more points is divided.
    #[arg(long, default_value_t = 200)]
    split_above: u64,
    /// A cell with fewer points is dropped or joined.
    #[arg(long, default_value_t = 20)]
    drop_below: u64,
    /// Level of `fixed`.
    #[arg(long, default_value_t = 5)]
    level: u8,
    /// Clusters of `kmeans`.
    #[arg(long, default_value_t = 300)]
    clusters: usize,
    /// Folder for the results.
    #[arg(long, default_value = "target/geoloc/partition")]
    out: PathBuf,
}

fn main() -> ExitCode {
    program::program(|| run(&Args::parse()))
}

fn run(args: &Args) -> Result<Ending, Failure> {
    let land = RegionMap::new(read_regions_topojson(LAND, "land", "name", None)?)?;
    let mut left_out = LeftOut::default();
    let points = match &args.input {
        Some(path) => {
            let columns = PlacesOptions {
                latitude: args.latitude_column.clone(),
                longitude: args.longitude_column.clone(),
                ..PlacesOptions::default()
            };
            let table = File::open(path).map_err(at(path))?;
            let table = read_places(table, &columns).map_err(at(path))?;
            let file = path.display();
            left_out.add_all(table.bad_rows.iter().map(|row| format!("{file}: {row}")));
            table.places
        }
        None => sample(&land)?,
    };
    let adaptive = AdaptivePartition {
        split_above: args.split_above,
        drop_below: args.drop_below,
        ..AdaptivePartition::default()
    };
    let builder: Box<dyn PartitionBuilder> = match args.builder {
        Builder::Adaptive => Box::new(adaptive),
        Builder::Rescue => Box::new(AdaptivePartition {
            small_cells: SmallCells::Rescue,
            ..adaptive
        }),
        Builder::Fixed => Box::new(FixedLevelPartition {
            level: Level::new(args.level)?,
            ..FixedLevelPartition::default()
        }),
        Builder::Quadtree => Box::new(QuadtreePartition {
            split_above: args.split_above,
            drop_below: args.drop_below,
            ..QuadtreePartition::default()
        }),
        Builder::Kmeans => Box::new(SphericalKMeans {
            clusters: args.clusters,
            ..SphericalKMeans::default()
        }),
    };
    let (partition, report) = builder.build(&points)?;
    out!("{report}");
    outln!("content   {}", partition.content_hash());
    if left_out.count > 0 {
        outln!(
            "left out  {} rows, the first: {}",
            left_out.count,
            left_out.reasons[0]
        );
    }
    // Files of an earlier run stay until all of these are whole; then they are replaced together.
    let to = |name: &str| args.out.join(name);
    let map = draw(&partition, &land)?;
    let mut files = OutputFiles::default();
    files.write(to("partition.cells"), |to| {
        to.write_all(&partition.to_bytes())
    })?;
    files.stage(to("partition.csv"), |path| -> Result<(), Failure> {
        partition
            .write_csv(File::create(path).map_err(at(path))?)
            .map_err(at(path))
    })?;
    files.write(to("partition.geojson"), |to| {
        to.write_all(partition.to_geojson().as_bytes())
    })?;
    let mut summary = serde_json::to_value(&report)?;
    summary["left_out"] = left_out.count.into();
    summary["reasons"] = left_out.reasons.clone().into();
    files.write(to("report.json"), |to| {
        writeln!(to, "{}", serde_json::to_string_pretty(&summary)?)
    })?;
    files.write(to("map.png"), |to| {
        map.write_to(to, ImageFormat::Png)
            .map_err(std::io::Error::other)
    })?;
    files.commit()?;
    outln!(
        "written   {}/{{partition.cells, .csv, .geojson, report.json, map.png}}",
        args.out.display()
    );
    let oracle_median_km = report.oracle.as_ref().map(|o| o.median_km);
    outln!(
        "{}",
        serde_json::json!({
            "points": report.points,
            "placed": report.placed,
            "classes": report.classes,
            "left_out": left_out.count,
            "reasons": left_out.reasons,
            "oracle_median_km": oracle_median_km,
        })
    );
    Ok(left_out.ending(points.len()))
}

/// A made-up sample: clusters of many sizes on land, the same every time.
fn sample(land: &RegionMap) -> Result<Vec<LatLng>, Failure> {
    let mut state = 1_u64;
    let mut next = move || {
        // Splitmix64.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut points = Vec::new();
    while points.len() < 40_000 {
        let (z, lng) = (1.8 * next() - 0.8, 360.0 * next() - 180.0);
        let center = LatLng::new(z.asin().to_degrees(), lng)?;
        if land.region_of(center).is_none() {
            continue;
        }
        let (size, width) = ((400.0 * next().powi(4)) as usize + 1, 3.0 * next().powi(2));
        for _ in 0..size {
            let north = width * (next() + next() - 1.0);
            let east = width * (next() + next() - 1.0) / center.lat().to_radians().cos();
            let lat = (center.lat() + north).clamp(-90.0, 90.0);
            points.push(LatLng::new(lat, center.lng() + east)?);
        }
    }
    Ok(points)
}

/// The world, one colour a class: pale where there is no land, grey where there is no class.
fn draw(partition: &Partition, land: &RegionMap) -> Result<RgbImage, Failure> {
    let (width, height) = (1080, 540);
    let mut picture = RgbImage::new(width, height);
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let lat = 90.0 - 180.0 * (f64::from(y) + 0.5) / f64::from(height);
        let lng = 360.0 * (f64::from(x) + 0.5) / f64::from(width) - 180.0;
        let p = LatLng::new(lat, lng)?;
        let base = partition.index_of(p).map_or([150; 3], |class| {
            let mixed = (class as u32 + 1).wrapping_mul(0x9E37_79B1);
            [8, 16, 24].map(|shift| 60 + ((mixed >> shift) % 180) as u8)
        });
        let at_sea = land.region_of(p).is_none();
        *pixel = Rgb(base.map(|c| if at_sea { 225 + c / 16 } else { c }));
    }
    Ok(picture)
}
