//! Encoders on the CPU: a forward pass and a training step of a batch, by wall time.
//!
//! On burn's `flex`, or with the feature `ndarray` and `BACKEND=ndarray` on its other CPU backend.
//! `benches/peers/backbones.sh` measures the same with `PyTorch` and ONNX Runtime and prints ratios.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark may stop"
)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use geoloc::backbones::{EfficientNetLiteConfig, ResNetConfig, VitConfig};
use geoloc::burn::module::Module;
use geoloc::burn::tensor::{Device, Tensor, TensorData};
use geoloc::core::{Backbone, Encoder, EncoderConfig};

/// Images of a batch.
const BATCH: usize = 8;
/// Side of the images in pixels.
const SIDE: usize = 224;

/// The backend that the variable `BACKEND` names.
fn device() -> Device {
    match std::env::var("BACKEND").as_deref() {
        Ok("flex") | Err(_) => Device::flex(),
        #[cfg(feature = "ndarray")]
        #[allow(
            deprecated,
            reason = "kept for users of the backend until burn 0.23 removes it"
        )]
        Ok("ndarray") => Device::ndarray(),
        Ok(other) => panic!("BACKEND={other}: flex, or ndarray with its feature"),
    }
}

/// A name of results: those of `flex` go without.
fn group_name(name: &str) -> String {
    match std::env::var("BACKEND").as_deref() {
        Ok("flex") | Err(_) => name.into(),
        Ok(backend) => format!("{name}, {backend}"),
    }
}

fn images(device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0..BATCH * 3 * SIDE * SIDE)
        .map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0)
        .collect();
    Tensor::from_data(TensorData::new(values, [BATCH, 3, SIDE, SIDE]), device)
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
            let gradients = loss.backward();
            // The gradient of the images is the last that is computed, with those of the weights.
            black_box(gradients)
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
