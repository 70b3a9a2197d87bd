//! Ctrl-C on the example `train`, as a user presses it.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use geoloc::datasets::Photo;
use geoloc::images::encode_png;

/// Enough that the signal comes before the end.
const STEPS: u64 = 400;

const RECIPE: &str = "
title = \"interrupted\"
[partition]
type = \"level\"
level = 3
[encoder]
config = { type = \"small_cnn\", input_size = 16, channels = [4, 8] }
[approach]
type = \"classifier\"
dropout = 0.3
[training]
batch = 8
checkpoint_every = 20
validate_every_epochs = 20
[[training.phases]]
epochs = 1
learning_rate = 1e-3
";

/// 24 photos of three places, and the recipe.
fn data(folder: &Path) -> (PathBuf, PathBuf) {
    let mut csv = String::from("path,latitude,longitude\n");
    for i in 0..24_usize {
        let (lat, lng) = [(48.8, 2.3), (-33.9, 151.2), (40.7, -74.0)][i % 3];
        let pixel = |p: usize| [(40 * i % 256) as u8, (90 * (i % 3)) as u8, (p % 97) as u8];
        let photo = Photo::from_rgb(16, 16, (0..256).flat_map(pixel).collect()).unwrap();
        let name = format!("{i:02}.png");
        std::fs::write(folder.join(&name), encode_png(&photo).unwrap()).unwrap();
        writeln!(csv, "{name},{lat},{lng}").unwrap();
    }
    let (list, recipe) = (folder.join("photos.csv"), folder.join("recipe.toml"));
    std::fs::write(&list, csv).unwrap();
    std::fs::write(&recipe, RECIPE).unwrap();
    (list, recipe)
}

/// The example, built by `cargo test` beside this test.
fn start(folder: &Path, out: &Path) -> Child {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let example = profile.join("examples/train");
    assert!(
        example.exists(),
        "build the examples first: `cargo test` without `--test` does, or `cargo build --examples`"
    );
    let (list, recipe) = (folder.join("photos.csv"), folder.join("recipe.toml"));
    Command::new(example)
        .arg("--data")
        .arg(list)
        .arg("--recipe")
        .arg(recipe)
        .arg("--out")
        .arg(out)
        .args(["--steps", &STEPS.to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn ctrl_c_leaves_a_checkpoint_that_the_same_command_goes_on_from() {
    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    let (whole, cut) = (folder.path().join("whole"), folder.path().join("cut"));
    let output = start(folder.path(), &whole).wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");

    let child = start(folder.path(), &cut);
    let began = Instant::now();
    while !cut.join("train.checkpoint").exists() {
        assert!(began.elapsed() < Duration::from_mins(5), "no checkpoint");
        std::thread::sleep(Duration::from_millis(2));
    }
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    let told = "the same command resumes from the checkpoint";
    assert!(errors.trim_end().ends_with(told), "{errors}");
    assert!(!cut.join("model.bpk").exists());

    let output = start(folder.path(), &cut).wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    // Loss curve and answers are those of the run that was left alone.
    let report = |out: &Path| std::fs::read_to_string(out.join("report.json")).unwrap();
    assert!(report(&whole).contains("train_loss"));
    assert_eq!(report(&cut), report(&whole));
}
