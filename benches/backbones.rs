//! Encoders: a forward pass and a training step of a batch, by wall time.
//!
//! On burn's `flex`, or on what `BACKEND` names (`ndarray`, `cuda`, `wgpu`, with the feature of that name). `FLOAT`
//! is the type of weights and activations (`f32`; `bf16` and `f16` where the backend has them: burn has no mixed
//! precision of its own, so all is of that type), `BATCH` the number of images (8).
//! `benches/peers/backbones.sh` measures the same with `PyTorch` and ONNX Runtime and prints ratios.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark may stop"
)]

use std::hint::black_box;
use std::sync::Once;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use geoloc::backbones::{EfficientNetLiteConfig, ResNetConfig, VitConfig};
use geoloc::burn::module::Module;
use geoloc::burn::tensor::{Device, FloatDType, Tensor, TensorData};
use geoloc::core::{Backbone, Encoder, EncoderConfig};

/// Images of a batch, unless told.
const BATCH: &str = "8";
/// Side of the images in pixels.
const SIDE: usize = 224;

/// A variable, or what it is unless told.
fn variable(name: &str, unless: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| unless.to_owned())
}

fn batch() -> usize {
    let told = variable("BATCH", BATCH);
    let images = told.parse().ok().filter(|&images| images > 0);
    images.unwrap_or_else(|| panic!("BATCH={told}: a number of images"))
}

/// The backend and the type of floats that variables name.
fn device() -> Device {
    static CONFIGURED: Once = Once::new();
    let mut device = named_device();
    CONFIGURED.call_once(|| {
        let float = match variable("FLOAT", "f32").as_str() {
            "f32" => FloatDType::F32,
            "bf16" => FloatDType::BF16,
            "f16" => FloatDType::F16,
            other => panic!("FLOAT={other}: f32, bf16 or f16"),
        };
        device.configure(float).unwrap();
    });
    device
}

fn named_device() -> Device {
    match variable("BACKEND", "flex").as_str() {
        "flex" => Device::flex(),
        #[cfg(feature = "ndarray")]
        #[allow(
            deprecated,
            reason = "kept for users of the backend until burn 0.23 removes it"
        )]
        "ndarray" => Device::ndarray(),
        #[cfg(feature = "cuda")]
        "cuda" => Device::cuda(0),
        #[cfg(feature = "wgpu")]
        "wgpu" => Device::wgpu(geoloc::burn::tensor::DeviceKind::DefaultDevice),
        other => panic!("BACKEND={other}: flex, or ndarray, cuda or wgpu with its feature"),
    }
}

/// A name of results: those of `flex`, of f32 and of 8 images go without.
fn group_name(name: &str) -> String {
    let mut name = name.to_owned();
    for (variable_name, unless, before) in [
        ("BACKEND", "flex", ""),
        ("FLOAT", "f32", ""),
        ("BATCH", BATCH, "batch "),
    ] {
        let value = variable(variable_name, unless);
        if value != unless {
            name = format!("{name}, {before}{value}");
        }
    }
    name
}

fn images(device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0..batch() * 3 * SIDE * SIDE)
        .map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0)
        .collect();
    let data = TensorData::new(values, [batch(), 3, SIDE, SIDE]);
    let images: Tensor<4> = Tensor::from_data(data, device);
    images.cast(device.settings().float_dtype)
}

/// Features as numbers on the host, so that nothing is left undone.
fn features<E: Backbone>(encoder: &E, images: Tensor<4>) -> Vec<f32> {
    encoder.encode(images).pooled.try_into_vec_as().unwrap()
}

fn forward<C: EncoderConfig>(c: &mut Criterion, name: &str, config: &C)
where
    C::Encoder: Backbone,
{
    let device = device();
    let encoder = config.init(&device).unwrap().valid();
    let input = images(&device);
    let mut group = c.benchmark_group(group_name("forward"));
    group.sample_size(10).warm_up_time(Duration::from_secs(1));
    group.bench_function(format!("{name}, as trained"), |b| {
        b.iter(|| features(&encoder, black_box(input.clone())));
    });
    let folded = encoder.for_inference();
    group.bench_function(name, |b| {
        b.iter(|| features(&folded, black_box(input.clone())));
    });
}

fn training_step<C: EncoderConfig>(c: &mut Criterion, name: &str, config: &C)
where
    C::Encoder: Backbone,
{
    let device = device().autodiff();
    let encoder = config.init(&device).unwrap();
    let input = images(&device);
    let mut group = c.benchmark_group(group_name("training step"));
    group.sample_size(10).warm_up_time(Duration::from_secs(1));
    group.bench_function(name, |b| {
        b.iter(|| {
            let loss = encoder
                .encode(black_box(input.clone()))
                .pooled
                .square()
                .mean();
            let gradients = black_box(loss.backward());
            device.sync().unwrap();
            gradients
        });
    });
}

fn encoders(c: &mut Criterion) {
    let lite0 = EfficientNetLiteConfig::lite0();
    let vit = VitConfig::dinov2_small().with_input_size(SIDE, SIDE);
    forward(c, "efficientnet_lite0", &lite0);
    forward(c, "resnet18", &ResNetConfig::resnet18());
    forward(c, "resnet50", &ResNetConfig::resnet50());
    forward(c, "vit_small_patch14", &vit);
    training_step(c, "efficientnet_lite0", &lite0);
    training_step(c, "resnet18", &ResNetConfig::resnet18());
    training_step(c, "resnet50", &ResNetConfig::resnet50());
    training_step(c, "vit_small_patch14", &vit);
}

criterion_group!(benches, encoders);
criterion_main!(benches);
