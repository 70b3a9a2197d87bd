//! Manifests, folders, splits and audits on photos as they come.
#![allow(
    clippy::print_stdout,
    reason = "tests stop at the first surprise and say what they skip"
)]

use std::path::{Path, PathBuf};

use geoloc_datasets::{
    LeakAudit, Part, Sample, Shares, decode_all, list_images, read_class_folder, read_manifest,
    split_by_block,
};

fn data(path: &str) -> Option<PathBuf> {
    let root = std::env::var("GEOLOC_DATA").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = root.join("photos").join(path);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: there is no {}", path.display());
    None
}

#[test]
fn street_photos_are_listed_and_read() {
    let Some(path) = data("osv5m_71/osv5m_71.csv") else {
        return;
    };
    let manifest = read_manifest(path).unwrap();
    assert_eq!((manifest.samples.len(), manifest.problems.len()), (71, 0));
    let countries: std::collections::BTreeSet<_> = manifest
        .samples
        .iter()
        .filter_map(|s| s.tag("country"))
        .collect();
    assert_eq!(countries.len(), 48);
    let paths: Vec<_> = manifest.samples.iter().map(|s| &s.path).collect();
    for photo in decode_all(&paths) {
        let photo = photo.unwrap();
        assert!(photo.width() >= 200 && photo.height() >= 200);
    }
}

#[test]
fn a_campus_split_by_day_leaks_places_and_a_split_by_block_does_not() {
    let Some(path) = data("campus/campus.csv") else {
        return;
    };
    let manifest = read_manifest(path).unwrap();
    assert_eq!((manifest.samples.len(), manifest.problems.len()), (1021, 0));
    let days: std::collections::BTreeSet<_> = manifest
        .samples
        .iter()
        .filter_map(|s| s.tag("day"))
        .collect();
    let first = *days.iter().next().unwrap();
    let (train, test): (Vec<&Sample>, Vec<&Sample>) = manifest
        .samples
        .iter()
        .partition(|s| s.tag("day") == Some(first));
    let by_day = LeakAudit::new(train, test, Some("day"));
    assert!(by_day.shared_groups.is_empty() && by_day.shared_ids.is_empty());
    let close = by_day.closer_than(0.01);
    println!(
        "{close} of {} photos of the second day within 10 m of the first",
        by_day.held_out
    );
    assert!(close > 0, "both days saw the same places");

    let places: Vec<_> = manifest.samples.iter().map(|s| s.location).collect();
    // The campus is a few hundred metres wide: blocks of about 110 m, 20 m apart.
    let parts = split_by_block(&places, 0.001, 0.02, Shares::default(), 2);
    let of = |part| {
        let samples = manifest.samples.iter().zip(&parts);
        samples.filter(move |(_, p)| **p == part).map(|(s, _)| s)
    };
    let by_block = LeakAudit::new(of(Part::Train), of(Part::Test), Some("day"));
    assert!(by_block.held_out > 0 && by_block.train > 0, "{by_block:?}");
    assert!(by_block.quantile_km(0.0).unwrap() >= 0.02);
    assert_eq!(by_block.closer_than(0.02), 0);
    assert!(
        !by_block.shared_groups.is_empty(),
        "both parts hold photos of both days"
    );
}

#[test]
fn folders_named_after_classes_are_listed_in_order() {
    let root = tempfile::tempdir().unwrap();
    for name in [
        "peru/b.jpg",
        "peru/A.PNG",
        "chile/z.webp",
        "chile/notes.txt",
        ".git/x.jpg",
        "top.jpg",
    ] {
        let path = root.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"").unwrap();
    }
    std::fs::create_dir(root.path().join("empty")).unwrap();
    let found = read_class_folder(root.path()).unwrap();
    assert_eq!(found.classes, ["chile", "empty", "peru"]);
    let items: Vec<(String, usize)> = found
        .items
        .iter()
        .map(|(p, c)| (p.file_name().unwrap().to_string_lossy().into_owned(), *c))
        .collect();
    assert_eq!(
        items,
        [
            ("z.webp".into(), 0),
            ("A.PNG".into(), 2),
            ("b.jpg".into(), 2)
        ]
    );
    assert_eq!(list_images(root.path()).unwrap().len(), 1);
    assert!(read_class_folder(root.path().join("nowhere")).is_err());
}
