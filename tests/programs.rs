//! What all examples have in common: names, pipes and disks of any kind, counts of what was left out,
//! exit statuses, and results that are replaced only once they are whole.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "helpers of tests fail loudly; each test uses a part of them"
)]

mod support;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use support::{errors, example, lines, model, picture, run};

#[test]
fn names_that_are_not_utf_8_are_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join(OsStr::from_bytes(b"a\xff.png"));
    picture(&folder.path().join("x.png"), 3);
    std::fs::rename(folder.path().join("x.png"), &bad).unwrap();
    picture(&folder.path().join("b.png"), 5);
    let output = run("locate", &[&"--model", &model(), &"--json", &folder.path()]);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    let printed = lines(&output);
    assert_eq!(printed.len(), 3);
    assert!(printed[0]["file"].as_str().unwrap().ends_with("a\\xff.png"));
    assert_eq!(printed[2]["located"], 2);
    let output = run(
        "locate",
        &[&"--model", &model(), &"--geojson", &folder.path()],
    );
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["features"].as_array().unwrap().len(), 6);
    assert_eq!(
        (&value["located"], &value["failed"]),
        (&2.into(), &0.into())
    );
}

#[test]
fn a_closed_pipe_ends_quietly_and_a_full_disk_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..40 {
        picture(&folder.path().join(format!("{i}.png")), i + 1);
    }
    let mut child = example("locate")
        .args(["--json", "--model"])
        .arg(model())
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The first answer comes before the last photo is read.
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    output.read_line(&mut first).unwrap();
    drop(output);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(errors(&ended), "");

    let full = Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    for name in ["locate", "build_partition"] {
        let mut command = example(name);
        if name == "locate" {
            command
                .args(["--json", "--model"])
                .arg(model())
                .arg(folder.path());
        } else {
            command.arg("--out").arg(folder.path().join("partition"));
        }
        let to = std::fs::File::options().write(true).open(full).unwrap();
        let ended = command.stdout(to).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{name}");
        let message = errors(&ended);
        assert!(message.contains("standard output: No space"), "{message}");
    }
}

#[test]
fn what_a_folder_holds_besides_photos_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    picture(&at("a.png"), 3);
    std::fs::write(at("IMG_1.HEIC"), "x").unwrap();
    std::fs::write(at("pano.tif"), "x").unwrap();
    std::fs::create_dir(at("nested")).unwrap();
    std::os::unix::fs::symlink(at("nowhere"), at("dangling.jpg")).unwrap();
    let output = run("locate", &[&"--model", &model(), &"--json", &folder.path()]);
    assert_eq!(output.status.code(), Some(0));
    let counts = lines(&output).pop().unwrap();
    assert_eq!(counts["passed_over"]["files_of_other_formats"], 2);
    assert_eq!(counts["passed_over"]["subfolders"], 1);
    assert_eq!(counts["passed_over"]["no_files"], 1);
    let message = errors(&output);
    let told =
        "passed over 2 files of other formats (1 .heic, 1 .tif), 1 subfolder, 1 link to nothing";
    assert!(message.contains(told), "{message}");
    std::fs::remove_file(at("a.png")).unwrap();
    let output = run("locate", &[&"--model", &model(), &folder.path()]);
    assert_eq!(output.status.code(), Some(1), "nothing could be used");
    assert!(errors(&output).contains("holds no images, but 2 files of other formats"));
}

/// 40 places, and some rows that are none.
fn places(path: &Path, bad: usize) {
    let mut text = "id,decimal_lat,decimal_lng\n".to_owned();
    for i in 0..40 {
        writeln!(text, "{i},{},{}", 40.0 + 0.1 * f64::from(i), 2.0).unwrap();
    }
    for i in 0..bad {
        writeln!(text, "{i},north,2").unwrap();
    }
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_partition_counts_its_bad_rows_and_replaces_its_files_together() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (table, out) = (at("places.csv"), at("out"));
    let build = |drop_below: &str| {
        run(
            "build_partition",
            &[
                &"--input",
                &table,
                &"--latitude-column",
                &"decimal_lat",
                &"--longitude-column",
                &"decimal_lng",
                &"--drop-below",
                &drop_below,
                &"--out",
                &out,
            ],
        )
    };
    places(&table, 0);
    let output = build("1");
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    places(&table, 30);
    let output = build("1");
    assert_eq!(output.status.code(), Some(3));
    let line = lines(&output).pop().unwrap();
    assert_eq!(
        (&line["points"], &line["left_out"]),
        (&40.into(), &30.into())
    );
    assert!(
        line["reasons"][0]
            .as_str()
            .unwrap()
            .contains("places.csv: line 42")
    );
    let report: Value =
        serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["left_out"], 30);
    // One file cannot be written: none is replaced.
    let names = [
        "partition.cells",
        "partition.csv",
        "partition.geojson",
        "report.json",
        "map.png",
    ];
    let read = || names.map(|name| std::fs::read(out.join(name)).unwrap());
    let before = read();
    std::fs::create_dir(out.join("map.png.partial")).unwrap();
    places(&table, 7);
    let output = build("2");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors(&output).contains("map.png.partial"),
        "{}",
        errors(&output)
    );
    assert!(read() == before);
    assert!(!out.join("partition.cells.partial").exists());
}

#[test]
fn errors_name_the_file_and_are_no_debug_text() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none.csv");
    let cases: [(&str, Vec<&dyn AsRef<OsStr>>); 4] = [
        ("build_partition", vec![&"--input", &none]),
        ("build_index", vec![&"--model", &none]),
        ("locate", vec![&"--model", &none, &"x.jpg"]),
        (
            "load_pretrained",
            vec![&"--model", &"resnet18", &"--weights", &none],
        ),
    ];
    for (name, arguments) in cases {
        let output = run(name, &arguments);
        assert_eq!(output.status.code(), Some(1), "{name}");
        let message = errors(&output);
        assert!(message.contains("none.csv"), "{name}: {message}");
        assert!(message.contains("No such file"), "{name}: {message}");
        assert!(!message.contains("Os {"), "{name}: {message}");
    }
}

#[test]
fn exit_statuses_are_the_same_everywhere_and_in_the_help() {
    let programs = [
        "build_index",
        "build_partition",
        "compare",
        "custom_head",
        "hybrid",
        "load_pretrained",
        "locate",
        "place_recognition",
        "quickstart",
        "search_index",
        "train",
    ];
    for name in programs {
        let output = run(name, &[&"--help"]);
        assert_eq!(output.status.code(), Some(0), "{name}");
        let help = String::from_utf8(output.stdout).unwrap();
        let words: Vec<&str> = help.split_whitespace().collect();
        assert!(
            words.join(" ").contains("3 if the program did its work"),
            "{name}: {help}"
        );
        let output = run(name, &[&"--no-such-option"]);
        assert_eq!(output.status.code(), Some(2), "{name}");
    }
}

/// Tensors of a `ResNet`-18 as torchvision names them, all under a prefix.
fn resnet18(path: &Path, prefix: &str) {
    let mut shapes: Vec<(String, Vec<usize>)> = Vec::new();
    let mut layer = |conv: String, norm: String, shape: [usize; 4]| {
        shapes.push((format!("{conv}.weight"), shape.to_vec()));
        for part in ["weight", "bias", "running_mean", "running_var"] {
            shapes.push((format!("{norm}.{part}"), vec![shape[0]]));
        }
    };
    layer("conv1".into(), "bn1".into(), [64, 3, 7, 7]);
    let mut width = 64;
    for (stage, out) in [(1, 64), (2, 128), (3, 256), (4, 512)] {
        for block in 0..2 {
            let name = format!("layer{stage}.{block}");
            layer(
                format!("{name}.conv1"),
                format!("{name}.bn1"),
                [out, width, 3, 3],
            );
            layer(
                format!("{name}.conv2"),
                format!("{name}.bn2"),
                [out, out, 3, 3],
            );
            if block == 0 && out != width {
                let down = format!("{name}.downsample");
                layer(format!("{down}.0"), format!("{down}.1"), [out, width, 1, 1]);
            }
            width = out;
        }
    }
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, shape) in shapes {
        let count: usize = shape.iter().product();
        let value = if name.ends_with("running_var") {
            1.0_f32
        } else {
            0.01
        };
        let from = data.len();
        data.extend(std::iter::repeat_n(value.to_le_bytes(), count).flatten());
        let about = serde_json::json!({
            "dtype": "F32", "shape": shape, "data_offsets": [from, data.len()],
        });
        header.insert(format!("{prefix}{name}"), about);
    }
    let text = Value::from(header).to_string();
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes.extend(data);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn weights_under_a_prefix_are_loaded_and_photos_fail_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    resnet18(&at("w.safetensors"), "state_dict.module.");
    picture(&at("a.png"), 3);
    std::fs::write(at("b.png"), "no picture").unwrap();
    let load = |more: &[&str]| {
        let mut command = example("load_pretrained");
        command
            .args(["--model", "resnet18", "--weights"])
            .arg(at("w.safetensors"));
        command
            .args(more)
            .arg(at("b.png"))
            .arg(at("a.png"))
            .output()
            .unwrap()
    };
    assert_eq!(load(&[]).status.code(), Some(1));
    for under in [
        &["--under", "state_dict.module."][..],
        &["--under", "state_dict.", "--under", "module."],
    ] {
        let output = load(under);
        assert_eq!(output.status.code(), Some(3), "{}", errors(&output));
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(printed.contains("100 tensors loaded"), "{printed}");
        assert!(printed.contains("a.png: length"), "{printed}");
        assert!(errors(&output).contains("b.png: "), "{}", errors(&output));
    }
}
