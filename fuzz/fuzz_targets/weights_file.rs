//! Weight files of any bytes, pickles inside a sound archive, and headers of safetensors of a right length: an
//! error or a loaded module, no panic, and no more memory than the file is long.
#![no_main]

#[path = "../../crates/backbones/src/weights/checkpoint/forge.rs"]
mod forge;

use std::path::PathBuf;

use burn::tensor::Device;
use forge::archive;
use geoloc_backbones::weights::{KeyMap, load_weights, read_scalar};
use geoloc_backbones::{SmallCnn, SmallCnnConfig};
use geoloc_core::EncoderConfig;
use libfuzzer_sys::fuzz_target;

thread_local! {
    /// The folder of this run, and a module to load into.
    static GIVEN: Option<(PathBuf, SmallCnn)> = given();
}

fn given() -> Option<(PathBuf, SmallCnn)> {
    let folder = tempfile::tempdir().ok()?.keep();
    let config = SmallCnnConfig {
        input_size: 8,
        channels: vec![2],
    };
    Some((folder, config.init(&Device::default()).ok()?))
}

fuzz_target!(|input: (u8, Vec<u8>, Vec<u8>)| {
    let (mode, bytes, numbers) = input;
    let (name, content) = match mode % 8 {
        0 => ("w.pth", bytes),
        1 => ("w.safetensors", bytes),
        2 => ("w.bpk", bytes),
        3 | 4 => {
            let mut content = (bytes.len() as u64).to_le_bytes().to_vec();
            content.extend([bytes, numbers].concat());
            ("w.safetensors", content)
        }
        _ => {
            let entries = [("data.pkl", bytes.as_slice()), ("data/0", &numbers)];
            ("w.pth", archive(&entries))
        }
    };
    GIVEN.with(|given| {
        let Some((folder, module)) = given else {
            return;
        };
        let path = folder.join(name);
        if std::fs::write(&path, content).is_ok() {
            let _ = load_weights(&mut module.clone(), &path, &KeyMap::new());
            let _ = read_scalar(&path);
        }
    });
});
