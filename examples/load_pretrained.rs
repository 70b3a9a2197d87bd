//! Loads a checkpoint of other people into a backbone, checks it, and encodes a photo.
//!
//! ```text
//! cargo run --release --example load_pretrained -- --model resnet50 --weights resnet50.pth photo.jpg
//! cargo run --release --example load_pretrained -- --model dinov2_vits14 --weights dinov2_vits14.pth
//! ```
//!
//! Nothing is downloaded: the book says where each file comes from. A name without a folder is looked
//! for in the folder `GEOLOC_WEIGHTS`, or `~/.cache/geoloc/weights`.

#![allow(clippy::print_stdout, reason = "examples talk to people")]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use geoloc::backbones::weights::verify_sha256;
use geoloc::burn::tensor::Device;
use geoloc::core::{Encoder, EncoderConfig};
use geoloc::datasets::decode_photo;
use geoloc::images::stack;
use geoloc::locate::NamedEncoder;
use geoloc::recipe::in_weights_folder;

/// Loads a checkpoint into a backbone.
#[derive(Parser)]
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
    /// Photos to encode.
    photos: Vec<PathBuf>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

/// Loads the weights, says what was loaded and set aside, and encodes the photos.
fn run() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let device = Device::default();
    let published = options.model.parts(None);
    let path = in_weights_folder(&options.weights);
    if let Some(expected) = &options.sha256 {
        verify_sha256(&path, expected)?;
    }
    let mut encoder = published.config.init(&device)?;
    let report = encoder.load_weights(&path, &published.keys)?;
    println!(
        "{}: {} tensors loaded, {} set aside, SHA-256 {}",
        path.display(),
        report.loaded.len(),
        report.dropped.len(),
        report.sha256
    );
    let spec = encoder.spec();
    println!("features of width {}, grid {:?}", spec.width, spec.grid);
    for photo in &options.photos {
        let prepared = published.input.apply(&decode_photo(photo)?)?;
        let features = encoder.encode(stack(&[prepared], &published.input, &device));
        let pooled = features.pooled.try_into_vec_as::<f32>()?;
        let length = pooled.iter().map(|v| v * v).sum::<f32>().sqrt();
        let first = pooled.get(..4).unwrap_or_default();
        println!(
            "{}: length {length:.3}, begins {first:.4?}",
            photo.display()
        );
    }
    Ok(())
}
