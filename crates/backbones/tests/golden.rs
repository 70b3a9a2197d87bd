//! Parity with `PyTorch`. `tests/golden/make_golden.py` wrote the constants.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail by panicking, and say why they skip"
)]

use std::path::{Path, PathBuf};

use burn::store::{ModuleStore, SafetensorsStore, bridge};
use burn::tensor::{Device, Tensor, TensorData};
use geoloc_backbones::efficientnet_lite::LiteStage;
use geoloc_backbones::resnet::ResNetBlock;
use geoloc_backbones::weights::{load_weights, verify_sha256};
use geoloc_backbones::{EfficientNetLiteConfig, ResNetConfig};
use geoloc_core::{Encoder, EncoderConfig};
use sha2::{Digest, Sha256};

/// `flex`, or burn's deprecated backend with the feature `ndarray`.
fn device() -> Device {
    #[cfg(not(feature = "ndarray"))]
    let device = Device::flex();
    #[cfg(feature = "ndarray")]
    #[allow(
        deprecated,
        reason = "kept for users of the backend until burn 0.23 removes it"
    )]
    let device = Device::ndarray();
    device
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

/// A tensor of a golden file.
fn stored<const D: usize>(file: &str, name: &str, device: &Device) -> Tensor<D> {
    let mut store = SafetensorsStore::from_file(golden(file));
    let tensor = store.get_tensor(name).unwrap().unwrap();
    Tensor::from_data(bridge::to_data(tensor).unwrap(), device)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as::<f32>().unwrap()
}

/// Largest difference relative to the largest magnitude of the expected values.
fn relative<const D: usize>(found: Tensor<D>, expected: Tensor<D>) -> f32 {
    assert_eq!(found.dims(), expected.dims());
    let (found, expected) = (values(found), values(expected));
    let scale = expected.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    let differences = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
    differences.fold(0.0_f32, f32::max) / scale
}

/// Sums of a few hundred products in f32, in another order: a few units in the last place.
const TOLERANCE: f32 = 1e-5;

#[test]
fn resnets_equal_torchvision() {
    let device = device();
    let networks = [
        ("resnet_basic", ResNetBlock::Basic, [1, 2, 1, 1], [40, 33]),
        (
            "resnet_bottleneck",
            ResNetBlock::Bottleneck,
            [1, 1, 2, 1],
            [64, 48],
        ),
    ];
    for (name, block, blocks, input_size) in networks {
        let config = ResNetConfig {
            input_size,
            block,
            blocks,
            width: 4,
            classes: Some(5),
        };
        let mut network = config.init(&device).unwrap();
        let weights = golden(&format!("{name}.safetensors"));
        let report = load_weights(&mut network, weights, &config.torchvision_keys()).unwrap();
        // Counters of batches, one for each norm, are all that is set aside.
        let counters = report.dropped.iter();
        assert!(
            counters
                .clone()
                .all(|name| name.ends_with("num_batches_tracked"))
        );
        assert!(counters.count() >= 10);
        let io = format!("{name}_io.safetensors");
        let images: Tensor<4> = stored(&io, "images", &device);
        let folded = network.clone().for_inference();
        for network in [&network, &folded] {
            let map = network.feature_map(images.clone());
            let difference = relative(map, stored(&io, "map", &device));
            assert!(difference < TOLERANCE, "{name} map: {difference}");
        }
        let logits = network.classify(images).unwrap();
        let difference = relative(logits, stored(&io, "logits", &device));
        assert!(difference < TOLERANCE, "{name} logits: {difference}");
    }
}

#[test]
fn efficientnet_lites_equal_timm() {
    let device = device();
    let stage = |blocks, kernel, stride, expansion, channels| LiteStage {
        blocks,
        kernel,
        stride,
        expansion,
        channels,
    };
    // "Same" padding is lopsided for one of even and odd sides and not for the other.
    for (name, input_size) in [
        ("efficientnet_lite_odd", [31, 24]),
        ("efficientnet_lite_even", [32, 32]),
    ] {
        let config = EfficientNetLiteConfig {
            input_size,
            stem: 8,
            stages: vec![
                stage(1, 3, 1, 1, 8),
                stage(2, 5, 2, 4, 16),
                stage(1, 3, 2, 6, 24),
            ],
            head: 40,
            classes: Some(5),
        };
        let mut network = config.init(&device).unwrap();
        let weights = golden(&format!("{name}.safetensors"));
        load_weights(&mut network, weights, &config.timm_keys()).unwrap();
        let io = format!("{name}_io.safetensors");
        let images: Tensor<4> = stored(&io, "images", &device);
        let folded = network.clone().for_inference();
        for network in [&network, &folded] {
            let map = network.feature_map(images.clone());
            let difference = relative(map, stored(&io, "map", &device));
            assert!(difference < TOLERANCE, "{name} map: {difference}");
        }
        let logits = network.classify(images).unwrap();
        let difference = relative(logits, stored(&io, "logits", &device));
        assert!(difference < TOLERANCE, "{name} logits: {difference}");
    }
}

/// The folder of real data, or none with a printed reason.
fn data(part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("GEOLOC_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = root.join(part);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not here", path.display());
    None
}

#[derive(serde::Deserialize)]
struct PhotoLogits {
    photo: String,
    crop_sha256: String,
    top5: Vec<usize>,
    logits: Vec<f32>,
}

/// Photos of the golden file: every 12th in the order of their names.
fn photos(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "jpg"))
        .collect();
    paths.sort();
    paths.into_iter().step_by(12).collect()
}

/// Both networks see the same bytes, which the crop's checksum shows, so that this compares the
/// networks and not the decoders of JPEG.
#[test]
fn efficientnet_lite0_equals_timm_on_photos() {
    let (Some(weights), Some(folder)) = (
        data("weights/efficientnet_lite0/timm_tf_efficientnet_lite0.safetensors"),
        data("photos/osv5m_71/images"),
    ) else {
        return;
    };
    let device = device();
    let config = EfficientNetLiteConfig {
        classes: Some(1000),
        ..EfficientNetLiteConfig::lite0()
    };
    let preprocess = config.preprocess();
    let inputs: Vec<(String, Vec<u8>, Vec<f32>)> = photos(&folder)
        .into_iter()
        .map(|path| {
            let photo = image::open(&path).unwrap().into_rgb8();
            let (width, height) = photo.dimensions();
            let crop = preprocess.resize_crop(photo.as_raw(), width, height);
            let input = preprocess.apply_rgb(photo.as_raw(), width, height);
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, crop.unwrap(), input.unwrap())
        })
        .collect();
    if let Some(out) = std::env::var_os("GEOLOC_WRITE_CROPS") {
        for (name, crop, _) in &inputs {
            std::fs::write(Path::new(&out).join(format!("{name}.rgb")), crop).unwrap();
        }
        return;
    }
    verify_sha256(
        &weights,
        "2b4a5f7e9a1870e2c41efd811c5b04f7e5843b32900a338e3f181204a324f9c6",
    )
    .unwrap();
    let mut network = config.init(&device).unwrap();
    load_weights(&mut network, &weights, &config.timm_keys()).unwrap();
    let text = std::fs::read_to_string(golden("efficientnet_lite0_photos.json")).unwrap();
    let expected: Vec<PhotoLogits> = serde_json::from_str(&text).unwrap();
    assert_eq!(expected.len(), 6);
    for (expected, (name, crop, input)) in expected.iter().zip(inputs) {
        assert_eq!(expected.photo, name);
        let hash = Sha256::digest(&crop)
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        assert_eq!(expected.crop_sha256, hash, "{name}: other pixels");
        let images = Tensor::from_data(TensorData::new(input, [1, 3, 224, 224]), &device);
        let logits = values(network.classify(images).unwrap());
        let pairs = logits.iter().zip(&expected.logits);
        let difference = pairs.map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
        println!("{name}: largest difference of logits {difference:.1e}");
        assert!(difference < 1e-3, "{name}: {difference}");
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
        assert_eq!(order[..5], expected.top5, "{name}");
    }
}
