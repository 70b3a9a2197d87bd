//! Parity of vision transformers, `ConvNeXt` and `GeoCLIP` with `PyTorch`.
//! `tests/golden/make_golden_transformers.py` wrote the constants.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail by panicking, and say why they skip"
)]

use std::path::{Path, PathBuf};

use burn::store::{ModuleStore, SafetensorsStore, bridge};
use burn::tensor::{Device, Tensor};
use geoloc_backbones::geoclip::{
    ImageProjection, LocationEncoderConfig, LocationGallery, image_keys, location_keys,
};
use geoloc_backbones::vit::{Vit, VitConfig};
use geoloc_backbones::weights::{KeyMap, load_weights, read_scalar};
use geoloc_backbones::{ConvNext, ConvNextConfig};
use geoloc_core::{Encoder, EncoderConfig};
use geoloc_geo_cells::LatLng;

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

fn data_of(file: &str, name: &str) -> burn::tensor::TensorData {
    let mut store = SafetensorsStore::from_file(golden(file));
    let tensor = store.get_tensor(name).unwrap().unwrap();
    bridge::to_data(tensor).unwrap()
}

/// A tensor of a golden file.
fn stored<const D: usize>(file: &str, name: &str, device: &Device) -> Tensor<D> {
    Tensor::from_data(data_of(file, name), device)
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

/// The small transformer of the golden files, which are of `DINOv2`'s kind.
fn small(config: VitConfig, rows: usize, columns: usize) -> VitConfig {
    VitConfig {
        patch: 4,
        width: 12,
        depth: 2,
        heads: 3,
        hidden: 24,
        position_grid: [5, 5],
        ..config.with_input_size(rows, columns)
    }
}

fn loaded(config: &VitConfig, name: &str, keys: &KeyMap) -> (Vit, Vec<String>) {
    let mut network = config.init(&device()).unwrap();
    let weights = golden(&format!("{name}.safetensors"));
    let report = load_weights(&mut network, weights, keys).unwrap();
    (network, report.dropped)
}

/// Compares pooled features and tokens.
fn compare(network: &Vit, name: &str) {
    let device = device();
    let io = format!("{name}_io.safetensors");
    let features = network.encode(stored(&io, "images", &device));
    let difference = relative(features.pooled, stored(&io, "pooled", &device));
    assert!(difference < TOLERANCE, "{name} pooled: {difference}");
    let tokens = features.tokens.unwrap();
    assert_eq!(tokens.dims()[1], network.spec().tokens());
    let difference = relative(tokens, stored(&io, "tokens", &device));
    assert!(difference < TOLERANCE, "{name} tokens: {difference}");
}

#[test]
fn dinov2_equals_its_authors_rules() {
    // Positions of 5 x 5 brought to 3 x 7, smaller and larger at once.
    let config = small(VitConfig::dinov2_small(), 12, 28);
    let (network, dropped) = loaded(&config, "dinov2", &config.dinov2_keys());
    assert_eq!(dropped, ["mask_token"]);
    compare(&network, "dinov2");
    let config = VitConfig {
        registers: 2,
        ..small(VitConfig::dinov2_small().with_registers(), 12, 16)
    };
    let (network, _) = loaded(&config, "dinov2_registers", &config.dinov2_keys());
    compare(&network, "dinov2_registers");
}

#[test]
fn registers_equal_timm() {
    let config = VitConfig {
        registers: 2,
        class_position: false,
        position_grid: [2, 2],
        ..small(VitConfig::dinov2_small().with_registers(), 12, 20)
    };
    let (network, _) = loaded(&config, "vit_timm_registers", &config.timm_keys());
    compare(&network, "vit_timm_registers");
}

#[test]
fn dinov2_equals_hugging_face() {
    let config = VitConfig {
        position_resize: geoloc_backbones::vit::PositionResize::plain(),
        ..small(VitConfig::dinov2_small(), 8, 12)
    };
    let keys = config.hugging_face_dinov2_keys();
    let (network, _) = loaded(&config, "dinov2_hugging_face", &keys);
    compare(&network, "dinov2_hugging_face");
}

#[test]
fn clip_equals_hugging_face_in_both_vocabularies() {
    let device = device();
    let config = VitConfig {
        position_grid: [3, 3],
        projection: Some(7),
        ..small(VitConfig::clip_base32(), 12, 12)
    };
    for (name, keys) in [
        ("clip_hugging_face", config.hugging_face_clip_keys()),
        ("clip_openai", config.openai_clip_keys()),
    ] {
        let (network, dropped) = loaded(&config, name, &keys);
        assert!(dropped.iter().any(|name| name.contains("token_embedding")));
        let io = format!("{name}_io.safetensors");
        let images: Tensor<4> = stored(&io, "images", &device);
        let pooled = network.encode(images.clone()).pooled;
        let difference = relative(pooled, stored(&io, "pooled", &device));
        assert!(difference < TOLERANCE, "{name} pooled: {difference}");
        let difference = relative(network.hidden(images), stored(&io, "hidden", &device));
        assert!(difference < TOLERANCE, "{name} hidden: {difference}");
    }
    let bare = config.clone().without_projection();
    for (name, keys) in [
        ("clip_hugging_face", bare.hugging_face_clip_keys()),
        ("clip_openai", bare.openai_clip_keys()),
    ] {
        let (network, _) = loaded(&bare, name, &keys);
        assert_eq!(network.spec().width, 12);
    }
}

#[test]
fn convnexts_equal_timm_and_torchvision() {
    let device = device();
    let config = ConvNextConfig {
        input_size: [70, 40],
        blocks: [1, 1, 2, 1],
        channels: [4, 6, 8, 10],
        classes: Some(5),
    };
    for (name, keys) in [
        ("convnext_timm", config.timm_keys()),
        ("convnext_torchvision", config.torchvision_keys()),
    ] {
        let mut network = config.init(&device).unwrap();
        let weights = golden(&format!("{name}.safetensors"));
        load_weights(&mut network, weights, &keys).unwrap();
        let io = format!("{name}_io.safetensors");
        let images: Tensor<4> = stored(&io, "images", &device);
        let map = network.feature_map(images.clone());
        let difference = relative(map, stored(&io, "map", &device));
        assert!(difference < TOLERANCE, "{name} map: {difference}");
        let logits = network.classify(images).unwrap();
        let difference = relative(logits, stored(&io, "logits", &device));
        assert!(difference < TOLERANCE, "{name} logits: {difference}");
    }
    let bare = ConvNextConfig {
        classes: None,
        ..config
    };
    let mut network: ConvNext = bare.init(&device).unwrap();
    let keys = bare.torchvision_keys();
    let weights = golden("convnext_torchvision.safetensors");
    let report = load_weights(&mut network, weights, &keys).unwrap();
    assert_eq!(report.dropped, ["classifier.2.bias", "classifier.2.weight"]);
}

/// The folder of `GeoCLIP`'s weights, or none with a printed reason.
fn geoclip() -> Option<PathBuf> {
    let root = std::env::var_os("GEOLOC_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = root.join("weights/geoclip");
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not here", path.display());
    None
}

#[test]
fn geoclip_equals_pytorch_with_its_weights() {
    let Some(folder) = geoclip() else { return };
    let device = device();
    let io = "geoclip_io.safetensors";
    let mut encoder = LocationEncoderConfig::default().init(&device).unwrap();
    let weights = folder.join("location_encoder_weights.pth");
    let report = load_weights(&mut encoder, weights, &location_keys()).unwrap();
    assert_eq!(report.loaded.len(), 27);
    let places: Vec<LatLng> = data_of(io, "places")
        .try_to_vec::<f64>()
        .unwrap()
        .chunks(2)
        .map(|p| LatLng::new(p[0], p[1]).unwrap())
        .collect();
    let found = values(encoder.embed(&places, &device));
    for (name, tolerance) in [("locations", 1e-4), ("locations_f64", 1e-4)] {
        let expected = values(stored::<2>(io, name, &device));
        let pairs = found.iter().zip(&expected);
        let difference = pairs.map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
        println!("{name}: largest difference {difference:.1e}");
        assert!(difference < tolerance, "{name}: {difference}");
    }

    let mut image = ImageProjection::new(768, 512, &device);
    let weights = folder.join("image_encoder_mlp_weights.pth");
    load_weights(&mut image, weights, &image_keys()).unwrap();
    let projected = image.forward(stored(io, "inputs", &device));
    let difference = relative(projected, stored(io, "projected", &device));
    assert!(difference < TOLERANCE, "{difference}");

    let scale = read_scalar(folder.join("logit_scale_weights.pth")).unwrap();
    let expected = values(stored::<1>(io, "scale", &device));
    assert_eq!(scale.to_bits(), expected[0].to_bits());
}

/// The first places of the published gallery, kept in a file; `GEOLOC_WHOLE_GALLERY` takes all
/// 100,000.
#[test]
fn geoclip_gallery_is_encoded_once() {
    let Some(folder) = geoclip() else { return };
    let device = device();
    let mut encoder = LocationEncoderConfig::default().init(&device).unwrap();
    let weights = folder.join("location_encoder_weights.pth");
    let report = load_weights(&mut encoder, weights, &location_keys()).unwrap();
    let mut places = LocationGallery::read_places(folder.join("coordinates_100K.csv")).unwrap();
    assert_eq!(places.len(), 100_000);
    if std::env::var_os("GEOLOC_WHOLE_GALLERY").is_none() {
        places.truncate(300);
    }
    let cache = tempfile::tempdir().unwrap();
    let encode = || {
        let started = std::time::Instant::now();
        let path = cache.path().join("gallery.features");
        let gallery =
            LocationGallery::encode(&encoder, places.clone(), &report.sha256, path, &device);
        (gallery.unwrap().embeddings, started.elapsed())
    };
    let ((first, slow), (second, fast)) = (encode(), encode());
    let count = places.len();
    println!("{count} places encoded in {slow:.1?}, read again in {fast:.1?}");
    assert_eq!(first.len(), count * 512);
    assert_eq!(first, second);
}
