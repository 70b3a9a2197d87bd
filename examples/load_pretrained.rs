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
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use geoloc::backbones::weights::{KeyMap, load_weights, verify_sha256};
use geoloc::backbones::{ConvNextConfig, EfficientNetLiteConfig, ResNetConfig, VitConfig};
use geoloc::burn::tensor::Device;
use geoloc::core::{Backbone, Encoder, EncoderConfig};
use geoloc::datasets::{Preprocess, decode_photo};
use geoloc::images::stack;

/// Architecture, and whose names the checkpoint has.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Model {
    Resnet18,
    Resnet34,
    Resnet50,
    Resnet101,
    EfficientnetLite0,
    EfficientnetLite1,
    EfficientnetLite2,
    ConvnextTiny,
    ConvnextBase,
    ConvnextTinyTorchvision,
    ConvnextBaseTorchvision,
    VitSmall16,
    VitBase16,
    VitLarge16,
    Dinov2Vits14,
    Dinov2Vitb14,
    Dinov2Vitl14,
    Dinov2Vits14Reg,
    Dinov2Vitb14Reg,
    Dinov2Vitl14Reg,
    ClipVitB32,
    ClipVitB16,
    ClipVitL14,
    ClipVitL14336,
}

/// Loads a checkpoint into a backbone.
#[derive(Parser)]
struct Options {
    /// Architecture.
    #[arg(long, value_enum)]
    model: Model,
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

fn run() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let resnet = |config: ResNetConfig| {
        let keys = config.torchvision_keys();
        load(&options, &config, &keys, ResNetConfig::preprocess())
    };
    let lite = |config: EfficientNetLiteConfig| {
        load(&options, &config, &config.timm_keys(), config.preprocess())
    };
    let convnext = |config: ConvNextConfig, keys: fn(&ConvNextConfig) -> KeyMap| {
        load(&options, &config, &keys(&config), config.preprocess())
    };
    let vit = |config: VitConfig| {
        load(
            &options,
            &config,
            &config.timm_keys(),
            config.augreg_preprocess(),
        )
    };
    let dinov2 = |config: VitConfig| {
        let input = config.dinov2_preprocess();
        load(&options, &config, &config.dinov2_keys(), input)
    };
    let clip = |config: VitConfig| {
        let input = config.clip_preprocess();
        load(&options, &config, &config.hugging_face_clip_keys(), input)
    };
    match options.model {
        Model::Resnet18 => resnet(ResNetConfig::resnet18()),
        Model::Resnet34 => resnet(ResNetConfig::resnet34()),
        Model::Resnet50 => resnet(ResNetConfig::resnet50()),
        Model::Resnet101 => resnet(ResNetConfig::resnet101()),
        Model::EfficientnetLite0 => lite(EfficientNetLiteConfig::lite0()),
        Model::EfficientnetLite1 => lite(EfficientNetLiteConfig::lite1()),
        Model::EfficientnetLite2 => lite(EfficientNetLiteConfig::lite2()),
        Model::ConvnextTiny => convnext(ConvNextConfig::tiny(), ConvNextConfig::timm_keys),
        Model::ConvnextBase => convnext(ConvNextConfig::base(), ConvNextConfig::timm_keys),
        Model::ConvnextTinyTorchvision => {
            convnext(ConvNextConfig::tiny(), ConvNextConfig::torchvision_keys)
        }
        Model::ConvnextBaseTorchvision => {
            convnext(ConvNextConfig::base(), ConvNextConfig::torchvision_keys)
        }
        Model::VitSmall16 => vit(VitConfig::small16()),
        Model::VitBase16 => vit(VitConfig::base16()),
        Model::VitLarge16 => vit(VitConfig::large16()),
        Model::Dinov2Vits14 => dinov2(VitConfig::dinov2_small()),
        Model::Dinov2Vitb14 => dinov2(VitConfig::dinov2_base()),
        Model::Dinov2Vitl14 => dinov2(VitConfig::dinov2_large()),
        Model::Dinov2Vits14Reg => dinov2(VitConfig::dinov2_small().with_registers()),
        Model::Dinov2Vitb14Reg => dinov2(VitConfig::dinov2_base().with_registers()),
        Model::Dinov2Vitl14Reg => dinov2(VitConfig::dinov2_large().with_registers()),
        Model::ClipVitB32 => clip(VitConfig::clip_base32()),
        Model::ClipVitB16 => clip(VitConfig::clip_base16()),
        Model::ClipVitL14 => clip(VitConfig::clip_large14()),
        Model::ClipVitL14336 => clip(VitConfig::clip_large14_336()),
    }
}

/// Loads the weights, says what was loaded and set aside, and encodes the photos.
fn load<C>(
    options: &Options,
    config: &C,
    keys: &KeyMap,
    input: Preprocess,
) -> Result<(), Box<dyn Error>>
where
    C: EncoderConfig,
    C::Encoder: Backbone,
{
    let device = Device::default();
    let path = in_cache(&options.weights)?;
    if let Some(expected) = &options.sha256 {
        verify_sha256(&path, expected)?;
    }
    let mut encoder = config.init(&device)?;
    let report = load_weights(&mut encoder, &path, keys)?;
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
        let prepared = input.apply(&decode_photo(photo)?)?;
        let features = encoder.encode(stack(&[prepared], &input, &device));
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

/// The path itself, or the file of that name in the folder for weights.
fn in_cache(path: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let bare = path.parent().is_none_or(|p| p.as_os_str().is_empty());
    if path.exists() || !bare {
        return Ok(path.to_owned());
    }
    let folder = match std::env::var_os("GEOLOC_WEIGHTS") {
        Some(folder) => PathBuf::from(folder),
        None => std::env::home_dir()
            .ok_or("there is no home folder; set GEOLOC_WEIGHTS")?
            .join(".cache/geoloc/weights"),
    };
    Ok(folder.join(path))
}
