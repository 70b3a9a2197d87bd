//! Builds of index files that are cut off, come to nothing, or get bad input.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "helpers of tests fail loudly; each test uses a part of them"
)]

mod support;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use geoloc::retrieval::{FlatIndex, Query, VectorIndex};
use support::{errors, example, lines, model, npy, picture, run};

/// Length of the vectors of the model.
const DIM: usize = 128;

/// So many photos, and a list of them at the latitude.
fn photos(folder: &Path, count: usize, latitude: f64) -> PathBuf {
    for i in 0..count {
        picture(&folder.join(format!("{i:03}.png")), (i % 250) as u8 + 1);
    }
    list(folder, "photos.csv", 0..count, latitude)
}

fn list(folder: &Path, name: &str, rows: std::ops::Range<usize>, latitude: f64) -> PathBuf {
    let mut text = "path,lat,lon\n".to_owned();
    for i in rows {
        writeln!(text, "{i:03}.png,{latitude},{}", i % 90).unwrap();
    }
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn build(list: &Path, out: &Path, more: &[&str]) -> Output {
    let mut command = example("build_index");
    command
        .arg("--model")
        .arg(model())
        .arg("--photos")
        .arg(list);
    command.arg("--out").arg(out).args(more).output().unwrap()
}

/// Begins a build and kills it once the first photos are in it.
fn cut_off(list: &Path, out: &Path) {
    let mut child = example("build_index")
        .arg("--model")
        .arg(model())
        .arg("--photos")
        .arg(list)
        .arg("--out")
        .arg(out)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = told.find(|line| line.as_ref().unwrap().contains(" photos"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(first.is_some());
    assert!(!out.exists());
}

fn latitudes(index: &Path) -> Vec<f64> {
    let index = FlatIndex::open(index).unwrap();
    let all = Query::new(&[0.0; DIM]).k(index.len());
    let hits = index.search(&all).unwrap().hits;
    hits.iter()
        .map(|hit| hit.place.unwrap().location.lat())
        .collect()
}

#[test]
fn a_build_that_was_cut_off_is_resumed_with_the_same_input_only() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let csv = photos(folder.path(), 200, 10.0);
    let whole = at("whole.index");
    assert!(build(&csv, &whole, &[]).status.success());

    // The same list at other places.
    let index = at("places.index");
    cut_off(&csv, &index);
    let corrected = list(folder.path(), "corrected.csv", 0..200, 50.0);
    let output = build(&corrected, &index, &[]);
    assert_eq!(output.status.code(), Some(1));
    let message = errors(&output);
    for part in [
        "`000.png`",
        "[10.0,0.0] there",
        "[50.0,0.0] here",
        "places.index.building",
    ] {
        assert!(message.contains(part), "{message}");
    }
    // A shorter one.
    let short = list(folder.path(), "short.csv", 0..3, 10.0);
    let output = build(&short, &index, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("200 inputs there, 3 here"));
    // The same file, corrected in place.
    let text = std::fs::read_to_string(&csv).unwrap();
    std::fs::write(&csv, text.replacen("005.png,10", "005.png,11", 1)).unwrap();
    let output = build(&csv, &index, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("number 6: `005.png`: [10.0,5.0] there, [11.0,5.0] here"));
    std::fs::write(&csv, text).unwrap();
    assert!(!index.exists());
    // And what it was begun with.
    let output = build(&csv, &index, &["--check-content"]);
    assert!(output.status.success(), "{}", errors(&output));
    assert!(errors(&output).contains("resumed after row"));
    assert!(std::fs::read(&index).unwrap() == std::fs::read(&whole).unwrap());
    assert!(!at("places.index.building").exists());
}

#[test]
fn a_photo_that_was_changed_since_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let csv = photos(folder.path(), 200, 10.0);
    let index = folder.path().join("places.index");
    cut_off(&csv, &index);
    let photo = folder.path().join("007.png");
    let bytes = std::fs::read(&photo).unwrap();
    let modified = std::fs::metadata(&photo).unwrap().modified().unwrap();
    picture(&photo, 251);
    let output = build(&csv, &index, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors(&output).contains("`007.png` was changed since"),
        "{}",
        errors(&output)
    );
    // Other content of the same size and time: seen where it is looked for.
    let mut other = bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    std::fs::write(&photo, other).unwrap();
    let file = std::fs::File::options().append(true).open(&photo).unwrap();
    file.set_modified(modified).unwrap();
    let output = build(&csv, &index, &["--check-content"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors(&output).contains("the content of"),
        "{}",
        errors(&output)
    );
    assert!(errors(&output).contains("007.png"));
}

#[test]
fn failures_before_a_resume_are_counted_too() {
    let folder = tempfile::tempdir().unwrap();
    let csv = photos(folder.path(), 200, 10.0);
    std::fs::write(folder.path().join("002.png"), "no picture").unwrap();
    let index = folder.path().join("places.index");
    cut_off(&csv, &index);
    let output = build(&csv, &index, &[]);
    assert_eq!(output.status.code(), Some(3), "{}", errors(&output));
    let line = lines(&output).pop().unwrap();
    assert_eq!((&line["rows"], &line["failed"]), (&199.into(), &1.into()));
    assert!(line["reasons"][0].as_str().unwrap().contains("002.png"));
}

#[test]
fn nothing_does_not_replace_a_good_index() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let csv = photos(folder.path(), 3, 10.0);
    let index = at("places.index");
    assert!(build(&csv, &index, &[]).status.success());
    let before = std::fs::read(&index).unwrap();
    for name in ["empty", "below", "placeless"] {
        std::fs::create_dir(at(name)).unwrap();
    }
    std::fs::create_dir(at("below/folder")).unwrap();
    picture(&at("placeless/a.png"), 9);
    let missing = list(folder.path(), "missing.csv", 500..503, 10.0);
    let cases = [
        (at("empty"), "holds no images"),
        (at("below"), "1 subfolder"),
        (at("placeless"), "no place in its EXIF data"),
        (missing, "500.png"),
    ];
    for (source, reason) in cases {
        let output = build(&source, &index, &[]);
        assert_eq!(output.status.code(), Some(1), "{source:?}");
        let message = errors(&output);
        assert!(message.contains(reason), "{message}");
        assert!(std::fs::read(&index).unwrap() == before, "{source:?}");
        assert!(!at("places.index.building").exists(), "{source:?}");
    }
    assert_eq!(latitudes(&index), [10.0; 3]);
}

#[test]
fn bad_rows_of_a_list_count_as_failed() {
    let folder = tempfile::tempdir().unwrap();
    let csv = photos(folder.path(), 3, 10.0);
    let text = std::fs::read_to_string(&csv).unwrap() + "x.png,north,2\ny.png,95,200\n";
    std::fs::write(&csv, text).unwrap();
    let output = build(&csv, &folder.path().join("places.index"), &[]);
    assert_eq!(output.status.code(), Some(3));
    let line = lines(&output).pop().unwrap();
    assert_eq!((&line["rows"], &line["failed"]), (&3.into(), &2.into()));
    let first = line["reasons"][0].as_str().unwrap();
    assert!(first.contains("photos.csv: line 5"), "{first}");
}

#[test]
fn vectors_need_coordinates_only_and_a_bad_one_is_named_by_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let rows = 65_540;
    let mut values = vec![0.25_f32; rows * DIM];
    let mut csv = "LAT,Longitude\n".to_owned();
    for row in 0..rows {
        values[row * DIM] = (row % 1000) as f32;
        writeln!(csv, "{},{}", row % 80, row % 170).unwrap();
    }
    std::fs::write(at("places.csv"), csv).unwrap();
    values[65_538 * DIM + 5] = f32::NAN;
    npy(&at("bad.npy"), DIM, &values);
    let build = |vectors: &str| {
        run(
            "build_index",
            &[
                &"--model",
                &model(),
                &"--embeddings",
                &at(vectors),
                &"--coordinates",
                &at("places.csv"),
                &"--out",
                &at("places.index"),
            ],
        )
    };
    let output = build("bad.npy");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors(&output).contains("bad.npy: row 65538 holds"),
        "{}",
        errors(&output)
    );
    // The block before is kept; other vectors are not put behind it.
    values[65_538 * DIM + 5] = 0.25;
    values[3] = 0.5;
    npy(&at("other.npy"), DIM, &values);
    let output = build("other.npy");
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("`other.npy`") || errors(&output).contains("other.npy"));
    std::fs::remove_dir_all(at("places.index.building")).unwrap();
    let output = build("other.npy");
    assert!(output.status.success(), "{}", errors(&output));
    assert_eq!(lines(&output).pop().unwrap()["rows"], rows);
}

#[test]
fn a_bad_query_costs_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let csv = photos(folder.path(), 3, 10.0);
    let index = at("places.index");
    assert!(build(&csv, &index, &[]).status.success());
    let mut queries = vec![0.5_f32; 3 * DIM];
    queries[DIM + 2] = f32::NAN;
    npy(&at("queries.npy"), DIM, &queries);
    let output = run(
        "search_index",
        &[
            &"--index",
            &index,
            &"--vectors",
            &at("queries.npy"),
            &"--json",
        ],
    );
    assert_eq!(output.status.code(), Some(3));
    let printed = lines(&output);
    let (counts, answers) = printed.split_last().unwrap();
    assert_eq!(
        (&counts["queries"], &counts["failed"]),
        (&2.into(), &1.into())
    );
    let named: Vec<&str> = answers
        .iter()
        .map(|a| a["query"].as_str().unwrap())
        .collect();
    assert!(
        named[0].ends_with("[0]") && named[1].ends_with("[2]"),
        "{named:?}"
    );
    assert!(
        errors(&output).contains("queries.npy[1]"),
        "{}",
        errors(&output)
    );
}

/// 16 photos of 48 million pixels take 2.3 GB; two of them are read at a time here.
#[cfg(target_os = "linux")]
#[test]
fn large_photos_are_not_held_together() {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("000.png");
    image::RgbImage::from_pixel(8000, 6000, image::Rgb([90, 120, 60]))
        .save(&first)
        .unwrap();
    for i in 1..16 {
        std::os::unix::fs::symlink(&first, folder.path().join(format!("{i:03}.png"))).unwrap();
    }
    let csv = list(folder.path(), "photos.csv", 0..16, 10.0);
    let program = example("build_index").get_program().to_owned();
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -v 1600000 && exec \"$0\" \"$@\""])
        .arg(program)
        .arg("--model")
        .arg(model())
        .arg("--photos")
        .arg(&csv)
        .arg("--out")
        .arg(folder.path().join("places.index"))
        .env("RAYON_NUM_THREADS", "2")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    assert_eq!(lines(&output).pop().unwrap()["rows"], 16);
}
