//! The example `locate` on good and bad files, as a user runs it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail loudly and print what they skip"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The example, built by `cargo test` beside this test.
fn locate(arguments: &[&Path]) -> Output {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let name = format!("examples/locate{}", std::env::consts::EXE_SUFFIX);
    let example = profile.join(name);
    assert!(
        example.exists(),
        "build the examples first: `cargo test` without `--test` does, or `cargo build --examples`"
    );
    Command::new(example).args(arguments).output().unwrap()
}

fn model() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/model_v1.bpk")
}

fn fixture(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The header of a PNG of 20,000 x 20,000 pixels without any data.
fn huge_png() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(20_000u32.to_be_bytes());
    chunk.extend(20_000u32.to_be_bytes());
    chunk.extend([8, 2, 0, 0, 0]);
    bytes.extend(13u32.to_be_bytes());
    bytes.extend(&chunk);
    bytes.extend(crc32(&chunk).to_be_bytes());
    bytes
}

/// CRC-32 as PNG uses it.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| {
            if c & 1 == 1 {
                0xEDB8_8320 ^ (c >> 1)
            } else {
                c >> 1
            }
        })
    };
    !bytes.iter().fold(!0, step)
}

#[test]
fn bad_files_are_named_and_good_ones_located() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let picture = image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8, y as u8, 90]));
    picture.save(at("good.jpg")).unwrap();
    picture.save(at("good.png")).unwrap();
    picture.save(at("moving.gif")).unwrap();
    let sixteen = image::ImageBuffer::from_fn(40, 40, |x, y| {
        image::Rgb([(x * 1000) as u16, (y * 1000) as u16, 30_000])
    });
    image::DynamicImage::ImageRgb16(sixteen)
        .save(at("sixteen.png"))
        .unwrap();
    std::fs::copy(
        fixture("crates/datasets/tests/fixtures/cmyk.jpg"),
        at("cmyk.jpg"),
    )
    .unwrap();

    std::fs::write(at("text.jpg"), "this is no picture").unwrap();
    let whole = std::fs::read(at("good.jpg")).unwrap();
    std::fs::write(at("truncated.jpg"), &whole[..whole.len() / 2]).unwrap();
    image::RgbImage::new(1, 1).save(at("dot.png")).unwrap();
    std::fs::write(at("huge.png"), huge_png()).unwrap();

    let good = [
        "good.jpg",
        "good.png",
        "moving.gif",
        "sixteen.png",
        "cmyk.jpg",
    ];
    let bad = [
        "text.jpg",
        "truncated.jpg",
        "dot.png",
        "huge.png",
        "missing.jpg",
    ];
    let files: Vec<PathBuf> = bad.iter().chain(&good).map(|name| at(name)).collect();
    let model = model();
    let mut arguments = vec![Path::new("--model"), &model, Path::new("--json")];
    arguments.extend(files.iter().map(PathBuf::as_path));
    let output = locate(&arguments);

    assert_eq!(output.status.code(), Some(3));
    let printed = String::from_utf8(output.stdout).unwrap();
    let located: Vec<serde_json::Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (counts, located) = located.split_last().unwrap();
    assert_eq!(located.len(), good.len(), "{printed}");
    assert_eq!(
        (&counts["located"], &counts["failed"]),
        (&5.into(), &5.into())
    );
    for (name, value) in good.iter().zip(located) {
        assert!(value["file"].as_str().unwrap().ends_with(name));
        let place = &value["places"][0];
        assert!(place["lat"].as_f64().unwrap().abs() <= 90.0);
        let probability = place["probability"].as_f64().unwrap();
        assert!(probability > 0.0 && probability <= 1.0);
        assert!(value["radius50_km"].as_f64().unwrap() >= 0.0);
    }
    let messages = String::from_utf8(output.stderr).unwrap();
    assert_eq!(messages.lines().count(), bad.len(), "{messages}");
    for (name, line) in bad.iter().zip(messages.lines()) {
        assert!(line.contains(name), "{line}");
        let reason = line.rsplit(name).next().unwrap();
        assert!(reason.len() > 10, "no reason given: {line}");
    }
}

#[test]
fn all_good_files_of_a_folder_end_well_and_geojson_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b.png", "a.png"] {
        image::RgbImage::new(20, 20)
            .save(folder.path().join(name))
            .unwrap();
    }
    let model = model();
    let geojson = Path::new("--geojson");
    let output = locate(&[Path::new("--model"), &model, geojson, folder.path()]);
    assert_eq!(output.status.code(), Some(0));
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["type"], "FeatureCollection");
    let features = value["features"].as_array().unwrap();
    // Two photos of three ranked places.
    assert_eq!(features.len(), 6);
    assert!(
        features[0]["properties"]["file"]
            .as_str()
            .unwrap()
            .ends_with("a.png")
    );
}

#[test]
fn a_model_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("model.bpk");
    std::fs::write(&text, "not a model").unwrap();
    let output = locate(&[Path::new("--model"), &text, Path::new("photo.jpg")]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("is not a geoloc model file"), "{message}");
}

#[test]
fn a_picture_that_the_model_is_not_made_for_gets_no_answer_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (tile, plain) = (at("tile.png"), at("plain.png"));
    image::RgbImage::from_pixel(64, 64, image::Rgb([200, 40, 90]))
        .save(&plain)
        .unwrap();
    let task = geoloc::world::WorldTask::new(128).unwrap();
    let place = geoloc::geo_cells::LatLng::new(47.0, 8.5).unwrap();
    let rgb = task
        .tiles(geoloc::datasets::View::Query, &[place])
        .unwrap()
        .remove(0);
    image::RgbImage::from_raw(128, 128, rgb)
        .unwrap()
        .save(&tile)
        .unwrap();
    let json = |arguments: &[&Path]| {
        let output = locate(arguments);
        let printed = String::from_utf8(output.stdout).unwrap();
        let lines = printed.lines().map(|l| serde_json::from_str(l).unwrap());
        let lines: Vec<serde_json::Value> = lines.collect();
        (output.status.code(), lines)
    };
    let (flag, force) = (Path::new("--json"), Path::new("--force"));

    let (status, lines) = json(&[flag, &tile, &plain]);
    assert_eq!(status, Some(4));
    assert_eq!(lines[0]["domain"]["state"], "inside");
    assert_eq!(lines[0]["places"].as_array().unwrap().len(), 3);
    assert_eq!(lines[1]["domain"]["state"], "outside");
    assert!(lines[1]["places"].as_array().unwrap().is_empty());
    assert!(lines[1]["radius50_km"].is_null());
    let score = |key: &str| lines[1]["domain"][key].as_f64().unwrap();
    assert!(score("score") > score("threshold"));
    assert_eq!(
        (&lines[2]["located"], &lines[2]["outside"]),
        (&1.into(), &1.into())
    );
    let made_for = lines[2]["intended_use"].as_str().unwrap();
    assert!(made_for.contains("from above"), "{made_for}");

    // Forced, the answer is there and still marked.
    let (status, lines) = json(&[flag, force, &plain]);
    assert_eq!(status, Some(0));
    assert_eq!(lines[0]["domain"]["state"], "outside");
    assert_eq!(lines[0]["places"].as_array().unwrap().len(), 3);

    let geo = locate(&[Path::new("--geojson"), &plain]);
    assert_eq!(geo.status.code(), Some(4));
    let value: serde_json::Value = serde_json::from_slice(&geo.stdout).unwrap();
    let features = value["features"].as_array().unwrap();
    assert_eq!(features.len(), 1);
    assert!(features[0]["geometry"].is_null());
    assert_eq!(features[0]["properties"]["domain"]["state"], "outside");

    let text = String::from_utf8(locate(&[&plain, &tile]).stdout).unwrap();
    assert!(text.starts_with("the model is made for: "), "{text}");
    assert!(text.contains("no answer; --force shows it"), "{text}");

    // A file without statistics answers, and says that it does not know.
    let (status, lines) = json(&[Path::new("--model"), &model(), flag, &plain]);
    assert_eq!(
        (status, &lines[0]["domain"]["state"]),
        (Some(0), &"unknown".into())
    );
    assert_eq!(lines[0]["places"].as_array().unwrap().len(), 3);
}
