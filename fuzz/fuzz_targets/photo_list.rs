//! Any bytes as a list of photos: every row is a sample or a problem, and no photo is listed twice.
#![no_main]

use std::collections::BTreeSet;
use std::path::Path;

use geoloc_datasets::{ManifestColumns, parse_manifest};
use libfuzzer_sys::fuzz_target;

const HEADERS: [&str; 4] = [
    "path,lat,lon,class\n",
    "IMG_ID;decimalLatitude;decimalLongitude\n",
    "num_images: 3\n\nid\tlng\tlat\ttitle\n",
    "",
];

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let header = HEADERS[usize::from(*first) % HEADERS.len()];
    let text = [header.as_bytes(), rest].concat();
    let root = Path::new("nowhere");
    let Ok(manifest) = parse_manifest(text.as_slice(), root, &ManifestColumns::default()) else {
        return;
    };
    let rows = manifest.samples.len() + manifest.problems.len();
    assert_eq!(rows as u64, manifest.problems.rows_read());
    assert!(!manifest.samples.is_empty());
    let paths: BTreeSet<&Path> = manifest.samples.iter().map(|s| s.path.as_path()).collect();
    assert_eq!(paths.len(), manifest.samples.len());
    assert!(manifest.samples.iter().all(|s| !s.id.is_empty()));
    let lines: Vec<u64> = manifest.problems.iter().map(|p| p.line).collect();
    assert!(lines.is_sorted());
    let _ = manifest.problems.to_string();
});
