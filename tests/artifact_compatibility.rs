//! Model files of every released format stay readable.
//!
//! `GEOLOC_WRITE_COMPATIBILITY=1 cargo test --test artifact_compatibility` writes the file of the
//! current format; it is committed once a format is released and never changed after.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail loudly and print what they skip"
)]

use std::path::PathBuf;

use geoloc::artifact::{Artifact, FORMAT_VERSION};
use geoloc::burn::tensor::Device;
use geoloc::core::Photo;
use geoloc::locate::load_any;
use geoloc::trainer::ProgressMode;
use geoloc::world::quickstart::{QuickstartConfig, quickstart};

fn stored(format: u32) -> PathBuf {
    let name = format!("tests/data/model_v{format}.bpk");
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A picture that any version decodes alike.
fn photo() -> Photo {
    let rgb = (0..32 * 32 * 3).map(|i| (i * 7 % 251) as u8).collect();
    Photo::from_rgb(32, 32, rgb).unwrap()
}

fn write(path: &PathBuf) {
    let config = QuickstartConfig {
        steps: 2,
        pairs: 8,
        cell_steps: 2,
        cell_batch: 8,
        cell_places: 1000,
        queries: 10,
        gallery_spacing_km: 1500.0,
        pixels: 16,
        channels: vec![4, 4],
        seed: 1,
    };
    let outcome = quickstart(&config, ProgressMode::Hidden, None, &Device::flex()).unwrap();
    outcome.artifact.save(path).unwrap();
}

#[test]
fn every_stored_format_loads_and_answers_as_it_did() {
    if std::env::var_os("GEOLOC_WRITE_COMPATIBILITY").is_some() {
        write(&stored(FORMAT_VERSION));
    }
    // What the files answered when they were written: component, latitude, longitude.
    let expected = [
        (1, "cells", 52.346_663_510_05, 105.186_027_165_36),
        (1, "retrieval", 77.952_134_632_47, -84.984_471_899_92),
    ];
    for (format, component, lat, lng) in expected {
        let artifact = Artifact::open(stored(format)).unwrap();
        assert_eq!(artifact.manifest().format, format);
        let locator = load_any(&artifact, Some(component), &Device::flex()).unwrap();
        let estimate = locator.locate(&[photo()]).remove(0).unwrap();
        let place = estimate.location;
        let found = (place.lat(), place.lng());
        assert!(
            (found.0 - lat).abs() < 1e-6 && (found.1 - lng).abs() < 1e-6,
            "format {format}, {component}: {found:?}"
        );
    }
    assert!(
        stored(FORMAT_VERSION).exists(),
        "no file of the current format is kept"
    );
}
