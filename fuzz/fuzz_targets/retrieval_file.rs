//! Index files of any bytes, with bytes flipped, and with contents changed under right checksums: an error
//! or an answer, no panic.
#![no_main]

#[path = "../../crates/retrieval/tests/forge/mod.rs"]
mod forge;

use std::path::PathBuf;
use std::sync::OnceLock;

use forge::{Change, exercise, forge, originals};
use libfuzzer_sys::fuzz_target;

/// The folder of this run, and a valid file of each kind.
fn given() -> Option<&'static (PathBuf, Vec<Vec<u8>>)> {
    static GIVEN: OnceLock<Option<(PathBuf, Vec<Vec<u8>>)>> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().ok()?.keep();
        let files = originals(&folder)?;
        Some((folder, files))
    };
    GIVEN.get_or_init(make).as_ref()
}

fuzz_target!(|input: (u8, u8, Vec<(u8, u16, u32, u64)>, Vec<u8>)| {
    let (mode, kind, changes, bytes) = input;
    let Some((folder, files)) = given() else {
        return;
    };
    let original = &files[usize::from(kind) % files.len()];
    let content = match mode % 8 {
        0 => bytes,
        1 => {
            let mut content = original.clone();
            for (_, _, at, value) in changes {
                let at = at as usize % content.len();
                content[at] ^= value as u8;
            }
            content
        }
        _ => {
            let changes: Vec<Change> = changes
                .iter()
                .map(|&(what, position, at, value)| match what % 8 {
                    0 => Change::Without(position as u8),
                    1..4 => Change::Number(position, value),
                    _ => Change::Bytes(position as u8, at, value),
                })
                .collect();
            forge(original, &changes).unwrap_or_default()
        }
    };
    let path = folder.join("index");
    if std::fs::write(&path, content).is_ok() {
        exercise(&path);
    }
});
