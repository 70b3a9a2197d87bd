//! Locates image files with a model file.
//!
//! ```text
//! cargo run --release --example locate -- photo.jpg folder/
//! cargo run --release --example locate -- --model model.bpk photo.jpg --json
//! cargo run --release --example locate -- --model model.bpk --index places.index photo.jpg
//! ```
//!
//! Each answer is printed as soon as it is there. A file that cannot be read or located costs no other:
//! it is reported, the others are located, and the exit status is 3. What a folder holds besides photos
//! (files of other formats, subfolders) is counted.

#[macro_use]
#[path = "support/macros.rs"]
mod macros;
#[path = "support/folder.rs"]
mod folder;
#[path = "support/program.rs"]
mod program;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use geoloc::artifact::Artifact;
use geoloc::burn::tensor::Device;
use geoloc::core::Locator;
use geoloc::datasets::decode_photo;
use geoloc::geo_cells::{Candidate, Estimate};
use geoloc::job::path_text;
use geoloc::locate::{IndexError, load_any, load_over_index};
use serde_json::{Value, json};

use folder::{PassedOver, photos_of};
use program::{EXIT_STATUS, Ending, Failure, LeftOut};

/// Tells where photos were taken.
#[derive(Parser)]
#[command(after_help = EXIT_STATUS)]
struct Options {
    /// Model file, as written by `quickstart` and `hybrid`; the shipped one reads satellite and relief
    /// pictures, about 384 km wide.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/models/world.bpk"))]
    model: PathBuf,
    /// Component of the model file; its default one if not given.
    #[arg(long)]
    component: Option<String>,
    /// Index file to search instead of the gallery in the model file; `build_index` writes them.
    #[arg(long)]
    index: Option<PathBuf>,
    /// Ranked places to print for each photo.
    #[arg(long, default_value_t = 3)]
    top: usize,
    /// Print one JSON object a photo, and at the end one with the counts.
    #[arg(long, conflicts_with = "geojson")]
    json: bool,
    /// Print one GeoJSON feature collection, with the counts as its last members.
    #[arg(long)]
    geojson: bool,
    /// Image files, and folders of image files.
    #[arg(required = true)]
    images: Vec<PathBuf>,
}

fn main() -> ExitCode {
    program::program(|| run(&Options::parse()))
}

fn run(options: &Options) -> Result<Ending, Failure> {
    let locator = load(options)?;
    let (mut failed, mut passed_over) = (LeftOut::default(), PassedOver::default());
    let mut located = 0;
    let mut features = 0;
    if options.geojson {
        outln!("{{\"type\":\"FeatureCollection\",\"features\":[");
    }
    for path in &options.images {
        let files = if path.is_dir() {
            match photos_of(path, &mut passed_over) {
                Ok(files) => files,
                Err(e) => {
                    failed.add(e);
                    continue;
                }
            }
        } else {
            vec![path.clone()]
        };
        for file in files {
            match locate(locator.as_ref(), &file) {
                Ok(estimate) => {
                    located += 1;
                    print(&file, &estimate, options, &mut features);
                }
                Err(e) => failed.add(format!("{}: {e}", file.display())),
            }
        }
    }
    let counts = json!({
        "located": located, "failed": failed.count, "reasons": failed.reasons,
        "passed_over": passed_over.json(),
    });
    if options.geojson {
        // Further members of the object, which GeoJSON allows.
        outln!("],{}", counts.to_string().trim_start_matches('{'));
    } else {
        outln!("{counts}");
    }
    Ok(failed.ending(located))
}

fn load(options: &Options) -> Result<Box<dyn Locator>, IndexError> {
    let artifact = Artifact::open(&options.model)?;
    let (component, device) = (options.component.as_deref(), Device::default());
    match &options.index {
        Some(index) => load_over_index(&artifact, component, index, &device),
        None => Ok(load_any(&artifact, component, &device)?),
    }
}

/// One photo at a time: memory stays small however many there are.
fn locate(locator: &dyn Locator, file: &Path) -> Result<Estimate, String> {
    let photo = decode_photo(file).map_err(|e| e.source.to_string())?;
    match locator.locate(&[photo]).pop() {
        Some(estimate) => estimate.map_err(|e| e.to_string()),
        None => Err("no answer".into()),
    }
}

fn print(file: &Path, estimate: &Estimate, options: &Options, features: &mut usize) {
    let places = estimate.candidates.iter().take(options.top);
    let radius = estimate.radius50_km;
    if options.geojson {
        for (rank, place) in places.enumerate() {
            let comma = if *features > 0 { "," } else { "" };
            outln!("{comma}{}", feature(file, radius, rank, place));
            *features += 1;
        }
    } else if options.json {
        let places: Vec<Value> = places
            .map(|c| json!({ "lat": c.location.lat(), "lon": c.location.lng(), "probability": c.probability }))
            .collect();
        let file = path_text(file);
        outln!(
            "{}",
            json!({ "file": file, "radius50_km": radius, "places": places })
        );
    } else {
        outln!("{}", file.display());
        outln!("  half of the probability within {radius:.0} km of the first place");
        for (rank, c) in places.enumerate() {
            let (lat, lng) = (c.location.lat(), c.location.lng());
            let share = 100.0 * c.probability;
            outln!("  {:>2}. {lat:>9.4} {lng:>10.4}  {share:>5.1} %", rank + 1);
        }
    }
}

/// A ranked place as a point; GeoJSON wants the longitude first.
fn feature(file: &Path, radius50_km: f64, rank: usize, place: &Candidate) -> Value {
    json!({
        "type": "Feature",
        "geometry": {
            "type": "Point", "coordinates": [place.location.lng(), place.location.lat()],
        },
        "properties": {
            "file": path_text(file), "rank": rank + 1, "probability": place.probability,
            "radius50_km": radius50_km,
        },
    })
}
