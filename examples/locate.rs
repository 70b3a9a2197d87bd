//! Locates image files with a model file.
//!
//! ```text
//! cargo run --release --example locate -- photo.jpg folder/
//! cargo run --release --example locate -- --model model.bpk photo.jpg --json
//! cargo run --release --example locate -- --model model.bpk --index places.index photo.jpg
//! ```
//!
//! A file that cannot be read or located costs no other: it is reported, the others are located,
//! and the exit status is 1.

#![allow(clippy::print_stdout, reason = "examples talk to people")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use geoloc::artifact::Artifact;
use geoloc::burn::tensor::Device;
use geoloc::core::Locator;
use geoloc::datasets::{decode_photo, list_images};
use geoloc::geo_cells::Estimate;
use geoloc::locate::{IndexError, load_any, load_over_index};
use serde_json::{Value, json};

/// Tells where photos were taken.
#[derive(Parser)]
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
    /// Print one GeoJSON feature collection.
    #[arg(long)]
    geojson: bool,
    /// Image files, and folders of image files.
    #[arg(required = true)]
    images: Vec<PathBuf>,
}

/// A file with its estimate, or why there is none.
type Located = (PathBuf, Result<Estimate, String>);

fn main() -> ExitCode {
    let options = Options::parse();
    let locator = match load(&options) {
        Ok(locator) => locator,
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::FAILURE;
        }
    };
    let mut complete = true;
    let mut results = Vec::new();
    for path in &options.images {
        let files = if path.is_dir() {
            list_images(path)
                .map(|found| {
                    if !found.passed_over.is_empty() {
                        eprintln!("{}: passed over {}", path.display(), found.passed_over);
                    }
                    found.photos
                })
                .map_err(|e| e.to_string())
        } else {
            Ok(vec![path.clone()])
        };
        match files {
            Ok(files) if files.is_empty() => fail(&mut complete, path, "holds no images"),
            Ok(files) => results.extend(files.iter().map(|f| locate(locator.as_ref(), f))),
            Err(e) => fail(&mut complete, path, &e),
        }
    }
    for (file, result) in &results {
        if let Err(e) = result {
            fail(&mut complete, file, e);
        }
    }
    print(&results, &options);
    if !options.geojson {
        let located = results.iter().filter(|(_, r)| r.is_ok()).count();
        let failed = results.len() - located;
        println!("{}", json!({ "located": located, "failed": failed }));
    }
    if complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
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
fn locate(locator: &dyn Locator, file: &Path) -> Located {
    let estimate = decode_photo(file)
        .map_err(|e| e.source.to_string())
        .and_then(|photo| match locator.locate(&[photo]).pop() {
            Some(estimate) => estimate.map_err(|e| e.to_string()),
            None => Err("no answer".into()),
        });
    (file.to_owned(), estimate)
}

fn fail(complete: &mut bool, path: &Path, reason: &str) {
    *complete = false;
    eprintln!("{}: {reason}", path.display());
}

fn print(results: &[Located], options: &Options) {
    let good = || {
        results
            .iter()
            .filter_map(|(f, r)| Some((f, r.as_ref().ok()?)))
    };
    if options.geojson {
        let features: Vec<Value> = good()
            .flat_map(|(file, estimate)| features(file, estimate, options.top))
            .collect();
        println!(
            "{}",
            json!({ "type": "FeatureCollection", "features": features })
        );
        return;
    }
    for (file, estimate) in good() {
        let places = estimate.candidates.iter().take(options.top);
        if options.json {
            let places: Vec<Value> = places
                .map(|c| json!({ "lat": c.location.lat(), "lon": c.location.lng(), "probability": c.probability }))
                .collect();
            let radius = estimate.radius50_km;
            println!(
                "{}",
                json!({ "file": file, "radius50_km": radius, "places": places })
            );
            continue;
        }
        println!("{}", file.display());
        println!(
            "  half of the probability within {:.0} km of the first place",
            estimate.radius50_km
        );
        for (rank, c) in places.enumerate() {
            let (lat, lng) = (c.location.lat(), c.location.lng());
            println!(
                "  {:>2}. {lat:>9.4} {lng:>10.4}  {:>5.1} %",
                rank + 1,
                100.0 * c.probability
            );
        }
    }
}

/// The ranked places of a photo as points; GeoJSON wants the longitude first.
fn features(file: &Path, estimate: &Estimate, top: usize) -> Vec<Value> {
    let feature = |(rank, c): (usize, &geoloc::geo_cells::Candidate)| {
        json!({
            "type": "Feature",
            "geometry": { "type": "Point", "coordinates": [c.location.lng(), c.location.lat()] },
            "properties": {
                "file": file, "rank": rank + 1, "probability": c.probability,
                "radius50_km": estimate.radius50_km,
            },
        })
    };
    estimate
        .candidates
        .iter()
        .take(top)
        .enumerate()
        .map(feature)
        .collect()
}
