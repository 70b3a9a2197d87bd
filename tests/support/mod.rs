//! Examples as a user runs them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// An example, built by `cargo test` beside this test.
pub(crate) fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let example = profile.join(format!("examples/{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        example.exists(),
        "build the examples first: `cargo test` without `--test` does, or `cargo build --examples`"
    );
    Command::new(example)
}

pub(crate) fn run(name: &str, arguments: &[&dyn AsRef<OsStr>]) -> Output {
    example(name).args(arguments).output().unwrap()
}

pub(crate) fn model() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/model_v1.bpk")
}

/// All objects that an example printed, one a line.
pub(crate) fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let objects = text.lines().filter(|line| line.starts_with('{'));
    objects
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(crate) fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn picture(path: &Path, tint: u8) {
    let picture = image::RgbImage::from_fn(40, 30, |x, y| {
        image::Rgb([x as u8 * 6, (y as u8).wrapping_mul(tint), tint])
    });
    picture.save(path).unwrap();
}

/// A matrix of f32 in the form of numpy.
pub(crate) fn npy(path: &Path, columns: usize, values: &[f32]) {
    let mut bytes = b"\x93NUMPY\x01\0".to_vec();
    let rows = values.len() / columns;
    let header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}\n");
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    std::fs::write(path, bytes).unwrap();
}
