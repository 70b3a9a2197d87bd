//! Loads a checkpoint of other people into a backbone, checks it, and encodes a photo.
//!
//! ```text
//! cargo run --release --example load_pretrained -- --model resnet50 --weights resnet50.pth photo.jpg
//! cargo run --release --example load_pretrained -- --model dinov2_vits14 --weights dinov2_vits14.pth
//! cargo run --release --example load_pretrained -- --model resnet18 --weights trained.pth --under module.
//! ```
//!
//! Nothing is downloaded: the book says where each file comes from. A name without a folder is looked
//! for in the folder `GEOLOC_WEIGHTS`, or `~/.cache/geoloc/weights`.

#[macro_use]
#[path = "support/macros.rs"]
mod macros;
#[path = "support/program.rs"]
mod program;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use geoloc::backbones::weights::{KeyMap, verify_sha256};
use geoloc::burn::tensor::Device;
use geoloc::core::{Encoder, EncoderConfig};
use geoloc::datasets::decode_photo;
use geoloc::images::stack;
use geoloc::locate::NamedEncoder;
use geoloc::recipe::in_weights_folder;

use program::{EXIT_STATUS, Ending, Failure, LeftOut};

/// Loads a checkpoint into a backbone.
#[derive(Parser)]
#[command(after_help = EXIT_STATUS)]
struct Options {
    /// Architecture, and whose names the checkpoint has.
    #[arg(long)]
    model: NamedEncoder,
    /// Checkpoint: `.safetensors`, `.pth`, `.pt` or `.bpk`.
    #[arg(long)]
    weights: PathBuf,
    /// SHA-256 that the file must have.
    #[arg(long)]
    sha256: Option<String>,
    /// Takes only the tensors whose names begin so, without that beginning: `module.`, `_orig_mod.`,
    /// `state_dict.`; may be given more than once, the outermost first.
    #[arg(long)]
    under: Vec<String>,
    /// Photos to encode.
    photos: Vec<PathBuf>,
}

fn main() -> ExitCode {
    program::program(|| run(&Options::parse()))
}

/// Loads the weights, says what was loaded and set aside, and encodes the photos.
fn run(options: &Options) -> Result<Ending, Failure> {
    let device = Device::default();
    let published = options.model.parts(None);
    let path = in_weights_folder(&options.weights);
    if let Some(expected) = &options.sha256 {
        verify_sha256(&path, expected)?;
    }
    let mut encoder = published.config.init(&device)?;
    // Names are cut first; the rules of the architecture see what is left.
    let under = options
        .under
        .iter()
        .cloned()
        .fold(KeyMap::new(), KeyMap::under);
    let keys = published
        .keys
        .rules()
        .iter()
        .cloned()
        .fold(under, KeyMap::rule);
    let report = encoder.load_weights(&path, &keys)?;
    outln!(
        "{}: {} tensors loaded, {} set aside, SHA-256 {}",
        path.display(),
        report.loaded.len(),
        report.dropped.len(),
        report.sha256
    );
    let spec = encoder.spec();
    outln!("features of width {}, grid {:?}", spec.width, spec.grid);
    let mut failed = LeftOut::default();
    for path in &options.photos {
        // One that cannot be encoded costs no other.
        let pooled = match decode_photo(path) {
            Err(e) => Err(e.source.to_string()),
            Ok(photo) => published.input.apply(&photo).map_err(|e| e.to_string()),
        }
        .and_then(|prepared| {
            let images = stack(&[prepared], &published.input, &device);
            let pooled = encoder.encode(images).pooled.try_into_vec_as::<f32>();
            pooled.map_err(|e| e.to_string())
        })
        .and_then(|pooled| match pooled.iter().find(|v| !v.is_finite()) {
            None => Ok(pooled),
            Some(v) => Err(format!("its features hold {v}: the weights are no good")),
        });
        match pooled {
            Err(e) => failed.add(format!("{}: {e}", path.display())),
            Ok(pooled) => {
                let length = pooled.iter().map(|v| v * v).sum::<f32>().sqrt();
                let first = pooled.get(..4).unwrap_or_default();
                outln!("{}: length {length:.3}, begins {first:.4?}", path.display());
            }
        }
    }
    Ok(failed.ending(options.photos.len() - failed.count))
}
