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
        "peru/day 2/c.jpg",
        "peru/day 2/phone.HEIC",
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
            ("b.jpg".into(), 2),
            ("c.jpg".into(), 2)
        ]
    );
    assert_eq!(
        found.passed_over.to_string(),
        "2 files of other formats (1 .heic, 1 .txt), 1 photo without a class"
    );
    let listed = list_images(root.path()).unwrap();
    assert_eq!(listed.photos.len(), 1);
    assert_eq!(listed.passed_over.to_string(), "3 subfolders");
    assert!(
        listed.passed_over[0]
            .to_string()
            .contains("chile: a subfolder")
    );
    assert!(read_class_folder(root.path().join("nowhere")).is_err());
}

#[cfg(unix)]
#[test]
fn what_is_passed_over_in_a_folder_is_told() {
    use std::os::unix::fs::symlink;
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    for name in ["a.jpg", "b.HEIC", "c.heic", "d.mpo", "README", ".DS_Store"] {
        std::fs::write(at(name), b"").unwrap();
    }
    std::fs::create_dir(at("nested")).unwrap();
    symlink("nowhere", at("gone.jpg")).unwrap();
    symlink("round.jpg", at("round.jpg")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(at("socket.jpg")).unwrap();
    let listed = list_images(root.path()).unwrap();
    drop(socket);
    assert_eq!(listed.photos, [at("a.jpg")]);
    assert_eq!(
        listed.passed_over.to_string(),
        "4 files of other formats (2 .heic, 1 .mpo, 1 without ending), 1 subfolder, \
         1 link to nothing, 1 special file, 1 unreadable path"
    );
    let classes = tempfile::tempdir().unwrap();
    let at = |name: &str| classes.path().join(name);
    std::fs::create_dir_all(at("france/day")).unwrap();
    std::fs::write(at("france/day/a.jpg"), b"").unwrap();
    // A folder that holds itself, and a second name of a class.
    symlink("..", at("france/day/up")).unwrap();
    symlink("france", at("other")).unwrap();
    let found = read_class_folder(classes.path()).unwrap();
    assert_eq!(found.classes, ["france", "other"]);
    assert_eq!(found.items, [(at("france/day/a.jpg"), 0)]);
    assert_eq!(found.passed_over.to_string(), "2 folders listed before");
}

#[test]
fn one_file_on_both_sides_is_a_leak_however_it_is_spelled() {
    let text = |path: &str| format!("path,lat,lon\n{path},1,2\n");
    let read = |path: &str, root: &str| {
        let columns = geoloc_datasets::ManifestColumns::default();
        let text = text(path);
        geoloc_datasets::parse_manifest(text.as_bytes(), Path::new(root), &columns).unwrap()
    };
    let train = read("p/00.jpg", "lists");
    let test = read("../p/00.jpg", "lists/test");
    let audit = LeakAudit::new(&train.samples, &test.samples, None);
    assert!(audit.shared_ids.is_empty());
    assert_eq!(audit.shared_files.len(), 1, "{audit:?}");
    let other = read("../p/01.jpg", "lists/test");
    let audit = LeakAudit::new(&train.samples, &other.samples, None);
    assert!(audit.shared_files.is_empty());
}
