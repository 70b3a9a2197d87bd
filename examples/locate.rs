//! Locates image files with a model file.
//!
//! ```text
//! cargo run --release --example locate -- photo.jpg folder/
//! cargo run --release --example locate -- --model model.bpk photo.jpg --json
//! cargo run --release --example locate -- --model model.bpk --index places.index photo.jpg
//! ```
//!
//! Each answer is printed as soon as it is there. A file that cannot be read or located costs no other:
//! it is reported, the others are located, and the exit status is 3. Of a picture that the model is not made
//! for no answer is printed unless `--force` asks for it, and the exit status is 4. What a folder holds besides photos
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
use geoloc::core::{Domain, Located, Locator};
use geoloc::datasets::decode_photo;
use geoloc::geo_cells::Candidate;
use geoloc::job::path_text;
use geoloc::locate::{IndexError, load_any, load_over_index};
use serde_json::{Value, json};

use folder::{PassedOver, photos_of};
use program::{EXIT_STATUS, Ending, Failure, LeftOut};

/// What `--help` says of the exit status of this program alone.
const OUTSIDE_STATUS: &str = "4 if no answer is given for a picture because the model is not made for such \
    pictures; --force shows those answers.";

/// Tells where photos were taken.
#[derive(Parser)]
#[command(after_help = format!("{EXIT_STATUS} {OUTSIDE_STATUS}"))]
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
    /// Print answers for pictures that the model is not made for, too; they mean nothing.
    #[arg(long)]
    force: bool,
    /// Image files, and folders of image files.
    #[arg(required = true)]
    images: Vec<PathBuf>,
}

fn main() -> ExitCode {
    program::program(|| run(&Options::parse()))
}

fn run(options: &Options) -> Result<Ending, Failure> {
    let artifact = Artifact::open(&options.model)?;
    let locator = load(&artifact, options)?;
    let intended_use = artifact.manifest().intended_use.as_str();
    if !options.json && !options.geojson && !intended_use.is_empty() {
        outln!("the model is made for: {intended_use}");
    }
    let (mut failed, mut passed_over) = (LeftOut::default(), PassedOver::default());
    let (mut located, mut outside) = (0, 0);
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
                Ok(found) => {
                    if found.domain.is_outside() && !options.force {
                        outside += 1;
                    } else {
                        located += 1;
                    }
                    print(&file, &found, options, &mut features);
                }
                Err(e) => failed.add(format!("{}: {e}", file.display())),
            }
        }
    }
    let counts = json!({
        "located": located, "failed": failed.count, "reasons": failed.reasons,
        "passed_over": passed_over.json(), "outside": outside, "intended_use": intended_use,
    });
    if options.geojson {
        // Further members of the object, which GeoJSON allows.
        outln!("],{}", counts.to_string().trim_start_matches('{'));
    } else {
        outln!("{counts}");
    }
    if outside > 0 {
        return Ok(Ending::Outside);
    }
    Ok(failed.ending(located))
}

fn load(artifact: &Artifact, options: &Options) -> Result<Box<dyn Locator>, IndexError> {
    let (component, device) = (options.component.as_deref(), Device::default());
    match &options.index {
        Some(index) => load_over_index(artifact, component, index, &device),
        None => Ok(load_any(artifact, component, &device)?),
    }
}

/// One photo at a time: memory stays small however many there are.
fn locate(locator: &dyn Locator, file: &Path) -> Result<Located, String> {
    let photo = decode_photo(file).map_err(|e| e.source.to_string())?;
    match locator.locate_checked(&[photo]).pop() {
        Some(found) => found.map_err(|e| e.to_string()),
        None => Err("no answer".into()),
    }
}

fn print(file: &Path, found: &Located, options: &Options, features: &mut usize) {
    let Located { estimate, domain } = found;
    let withheld = domain.is_outside() && !options.force;
    let shown = if withheld { 0 } else { options.top };
    let places = estimate.candidates.iter().take(shown);
    let radius = (!withheld).then_some(estimate.radius50_km);
    if options.geojson {
        let mut add = |feature: Value| {
            let comma = if *features > 0 { "," } else { "" };
            outln!("{comma}{feature}");
            *features += 1;
        };
        if withheld {
            add(json!({
                "type": "Feature", "geometry": null,
                "properties": { "file": path_text(file), "domain": domain },
            }));
        }
        for (rank, place) in places.enumerate() {
            add(feature(file, found, rank, place));
        }
    } else if options.json {
        let places: Vec<Value> = places
            .map(|c| json!({ "lat": c.location.lat(), "lon": c.location.lng(), "probability": c.probability }))
            .collect();
        let file = path_text(file);
        outln!(
            "{}",
            json!({ "file": file, "domain": domain, "radius50_km": radius, "places": places })
        );
    } else {
        outln!("{}", file.display());
        match domain {
            Domain::Unknown => outln!("  domain: unknown"),
            Domain::Inside { score, threshold } => {
                outln!("  domain: inside ({score:.2}, at most {threshold:.2})");
            }
            Domain::Outside { score, threshold } => outln!(
                "  domain: OUTSIDE ({score:.2}, more than {threshold:.2}): the model is not made for such a picture"
            ),
        }
        match radius {
            None => outln!("  no answer; --force shows it"),
            Some(radius) => {
                outln!("  half of the probability within {radius:.0} km of the first place");
            }
        }
        for (rank, c) in places.enumerate() {
            let (lat, lng) = (c.location.lat(), c.location.lng());
            let share = 100.0 * c.probability;
            outln!("  {:>2}. {lat:>9.4} {lng:>10.4}  {share:>5.1} %", rank + 1);
        }
    }
}

/// A ranked place as a point; GeoJSON wants the longitude first.
fn feature(file: &Path, found: &Located, rank: usize, place: &Candidate) -> Value {
    json!({
        "type": "Feature",
        "geometry": {
            "type": "Point", "coordinates": [place.location.lng(), place.location.lat()],
        },
        "properties": {
            "file": path_text(file), "rank": rank + 1, "probability": place.probability,
            "radius50_km": found.estimate.radius50_km, "domain": found.domain,
        },
    })
}
