//! The examples `build_index`, `search_index` and `locate --index`, as a user runs them.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use geoloc::artifact::Artifact;
use geoloc::burn::tensor::Device;
use geoloc::datasets::decode_photo;
use geoloc::locate::{IndexError, embedding_name, load_any, load_over_index};
use geoloc::retrieval::{FlatIndex, IndexBuilder, IndexKind, Query, Rows, VectorIndex};
use serde_json::Value;

/// An example, built by `cargo test` beside this test.
fn run(example: &str, arguments: &[&dyn AsRef<OsStr>]) -> Output {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let name = format!("examples/{example}{}", std::env::consts::EXE_SUFFIX);
    let example = profile.join(name);
    assert!(
        example.exists(),
        "build the examples first: `cargo test` without `--test` does, or `cargo build --examples`"
    );
    Command::new(example).args(arguments).output().unwrap()
}

/// The last line that an example printed.
fn last_line(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!text.is_empty(), "{errors}");
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

fn model() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/model_v1.bpk")
}

fn picture(folder: &Path, name: &str, tint: u8) -> PathBuf {
    let path = folder.join(name);
    image::RgbImage::from_fn(40, 30, |x, y| {
        image::Rgb([x as u8 * 6, (y as u8).wrapping_mul(tint), tint])
    })
    .save(&path)
    .unwrap();
    path
}

#[test]
fn the_gallery_as_a_file_answers_as_the_gallery_does() {
    let folder = tempfile::tempdir().unwrap();
    let (index, photo) = (
        folder.path().join("gallery.index"),
        picture(folder.path(), "a.png", 3),
    );
    let built = run("build_index", &[&"--model", &model(), &"--out", &index]);
    assert!(built.status.success(), "{built:?}");
    let artifact = Artifact::open(model()).unwrap();
    let (vectors, dim, places) = artifact.gallery("retrieval").unwrap();
    let line = last_line(&built);
    assert_eq!(
        (&line["rows"], &line["dim"]),
        (&places.len().into(), &dim.into())
    );
    // The same estimate, from the library and from the example.
    let device = Device::default();
    let photos = [decode_photo(&photo).unwrap()];
    let inside = load_any(&artifact, None, &device).unwrap().locate(&photos);
    let over = load_over_index(&artifact, None, &index, &device)
        .unwrap()
        .locate(&photos);
    assert_eq!(inside, over);
    let output = run(
        "locate",
        &[&"--model", &model(), &"--index", &index, &"--json", &photo],
    );
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let best = &over[0].as_ref().unwrap().candidates[0];
    assert_eq!(first["places"][0]["lat"], best.location.lat());
    // Rows are found by their own vectors, read from a matrix; a region leaves the others out.
    let stored = FlatIndex::open(&index).unwrap();
    let mut npy = b"\x93NUMPY\x01\0".to_vec();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': (2, {dim}), }}\n");
    npy.extend((header.len() as u16).to_le_bytes());
    npy.extend(header.as_bytes());
    npy.extend(vectors[..2 * dim].iter().flat_map(|v| v.to_le_bytes()));
    let queries = folder.path().join("queries.npy");
    std::fs::write(&queries, npy).unwrap();
    let cap = format!("{},{},50", places[0].lat(), places[0].lng());
    for (extra, near) in [
        (vec!["-k", "3"], false),
        (vec!["-k", "9", "--cap", &cap], true),
    ] {
        let mut arguments: Vec<&dyn AsRef<OsStr>> =
            vec![&"--index", &index, &"--vectors", &queries, &"--json"];
        arguments.extend(extra.iter().map(|e| e as &dyn AsRef<OsStr>));
        let output = run("search_index", &arguments);
        assert!(output.status.success(), "{output:?}");
        let counts = last_line(&output);
        assert_eq!(
            (&counts["queries"], &counts["exact"]),
            (&2.into(), &true.into())
        );
        let text = String::from_utf8(output.stdout).unwrap();
        let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        let found = first["places"].as_array().unwrap();
        if near {
            assert!(found.iter().any(|place| place["id"] == 0));
            for place in found {
                assert!((place["lat"].as_f64().unwrap() - places[0].lat()).abs() < 0.5);
            }
        } else {
            let expected = stored.search(&Query::new(&vectors[..dim]).k(3)).unwrap();
            let ids: Vec<u64> = found.iter().map(|p| p["id"].as_u64().unwrap()).collect();
            assert_eq!(ids, expected.ids());
        }
    }
}

#[test]
fn photos_are_indexed_and_found_again_and_bad_ones_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("photos.index");
    let mut list = "path,lat,lon\n".to_owned();
    for (i, name) in ["a.png", "b.png", "broken.jpg", "c.png"].iter().enumerate() {
        if name.starts_with("broken") {
            std::fs::write(folder.path().join(name), "no picture").unwrap();
        } else {
            picture(folder.path(), name, 1 + 50 * i as u8);
        }
        writeln!(list, "{name},{},{}", 10 * i, 20 * i).unwrap();
    }
    let csv = folder.path().join("photos.csv");
    std::fs::write(&csv, list).unwrap();
    let build = || {
        run(
            "build_index",
            &[&"--model", &model(), &"--photos", &csv, &"--out", &index],
        )
    };
    let built = build();
    assert_eq!(built.status.code(), Some(3), "{built:?}");
    let line = last_line(&built);
    assert_eq!((&line["rows"], &line["failed"]), (&3.into(), &1.into()));
    assert!(line["reasons"][0].as_str().unwrap().contains("broken.jpg"));
    assert!(String::from_utf8_lossy(&built.stderr).contains("broken.jpg"));
    let output = run(
        "search_index",
        &[
            &"--model",
            &model(),
            &"--index",
            &index,
            &"-k",
            &"1",
            &"--json",
            &folder.path().join("c.png"),
            &folder.path().join("broken.jpg"),
        ],
    );
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(last_line(&output)["failed"], 1);
    let text = String::from_utf8(output.stdout).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    // Ids are positions in the list.
    assert_eq!(first["places"][0]["id"], 3);
    assert!((first["places"][0]["lat"].as_f64().unwrap() - 30.0).abs() < 1e-9);
}

#[test]
fn an_index_of_another_model_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.index");
    let artifact = Artifact::open(model()).unwrap();
    let device = Device::default();
    let expected = embedding_name(&artifact, Some("retrieval")).unwrap();
    let open = || {
        load_over_index(&artifact, None, &path, &device)
            .err()
            .unwrap()
    };
    let build = |dim: usize, name: &str| {
        let mut builder = IndexBuilder::open_for(&path, dim, IndexKind::Flat, name).unwrap();
        builder.add(&Rows::new(&vec![0.5; dim])).unwrap();
        builder.finish(|_| {}).unwrap();
    };
    build(128, "another model");
    let error = open();
    assert!(matches!(&error, IndexError::OtherModel { found, .. } if found == "another model"));
    assert!(error.to_string().contains(&expected));
    let output = run(
        "locate",
        &[&"--model", &model(), &"--index", &path, &"x.jpg"],
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains("another model"));
    build(64, &expected);
    assert!(matches!(
        open(),
        IndexError::Width {
            expected: 128,
            found: 64,
            ..
        }
    ));
    // Rows without places give no estimate.
    build(128, &expected);
    assert!(matches!(open(), IndexError::Search { .. }));
    // A cell classifier has no index.
    let cells = load_over_index(&artifact, Some("cells"), &path, &device);
    assert!(matches!(cells, Err(IndexError::Artifact(_))));
}
