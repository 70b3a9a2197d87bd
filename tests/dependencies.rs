//! Crates depend on each other in one direction only.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail loudly and print what they skip"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// What each crate may use of the workspace.
fn allowed() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let cells = "geoloc-geo-cells";
    let models = [cells, "geoloc-datasets", "geoloc-core"];
    BTreeMap::from([
        (cells, BTreeSet::new()),
        ("geoloc-metrics", BTreeSet::from([cells])),
        ("geoloc-retrieval", BTreeSet::from([cells])),
        ("geoloc-datasets", BTreeSet::from([cells])),
        ("geoloc-core", BTreeSet::from([cells, "geoloc-datasets"])),
        ("geoloc-backbones", BTreeSet::from(models)),
        ("geoloc-heads", BTreeSet::from(models)),
        ("geoloc-losses", BTreeSet::from(models)),
    ])
}

/// Crates that must build without burn.
const BURN_FREE: [&str; 4] = [
    "geoloc-geo-cells",
    "geoloc-metrics",
    "geoloc-retrieval",
    "geoloc-datasets",
];

fn metadata() -> serde_json::Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every dependency `(from, to, kind)` of the crates of the workspace.
fn dependencies() -> Vec<(String, String, String)> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let mut found = Vec::new();
    for package in packages {
        for dependency in package["dependencies"].as_array().unwrap() {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or("normal").to_owned();
            found.push((
                text(&package["name"]),
                text(&dependency["name"]),
                text(&dependency["kind"]),
            ));
        }
    }
    found
}

#[test]
fn crates_use_only_what_the_architecture_allows() {
    let allowed = allowed();
    let dependencies = dependencies();
    // A test that finds nothing to check would pass for the wrong reason.
    assert!(dependencies.len() > 30);
    let mut seen = BTreeSet::new();
    for (from, to, kind) in &dependencies {
        seen.insert(from.as_str());
        let Some(allowed) = allowed.get(from.as_str()) else {
            assert_eq!(from, "geoloc", "unknown crate {from}: add it to the table");
            continue;
        };
        if to.starts_with("geoloc") {
            assert!(
                allowed.contains(to.as_str()),
                "{from} must not depend on {to} ({kind})"
            );
        }
    }
    for name in allowed.keys() {
        assert!(seen.contains(name), "{name} is gone: update the table");
    }
}

#[test]
fn the_plain_crates_do_not_know_burn() {
    for (from, to, kind) in dependencies() {
        if BURN_FREE.contains(&from.as_str()) {
            assert!(!to.starts_with("burn"), "{from} depends on {to} ({kind})");
        }
    }
}

#[test]
fn no_library_crate_picks_a_backend() {
    for (from, to, kind) in dependencies() {
        let picks = ["burn-flex", "burn-ndarray", "burn-cuda", "burn-wgpu"].contains(&to.as_str());
        assert!(
            !picks || from == "geoloc",
            "{from} depends on {to} ({kind})"
        );
    }
}
