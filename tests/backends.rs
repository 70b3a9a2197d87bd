//! The contract on every backend that is compiled in.
//!
//! `flex` always; `ndarray` with the feature of that name; the device named by the variable
//! `GEOLOC_TEST_DEVICE` (`cuda` or `wgpu`, with their features) as well.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail loudly and print what they skip"
)]

use std::sync::{Mutex, PoisonError};

use geoloc::backbones::efficientnet_lite::LiteStage;
use geoloc::backbones::pooling::{PoolingConfig, SaladConfig};
use geoloc::backbones::resnet::ResNetBlock;
use geoloc::backbones::{
    ConvNextConfig, EfficientNetLiteConfig, ResNetConfig, SmallCnnConfig, VitConfig,
};
use geoloc::burn::module::Module;
use geoloc::burn::tensor::{Device, Tensor, TensorData};
use geoloc::core::{
    Backbone, CellLogits, Embedding, Encoder, EncoderConfig, Features, GeoBatch, GeoModel,
    HeadConfig, PairBatch, PairTraining, Training, TwoBranch, contract,
};
use geoloc::geo_cells::LatLng;
use geoloc::heads::cell::CellHeadConfig;
use geoloc::heads::embedding::EmbeddingHeadConfig;
use geoloc::locate::{AnyEncoderConfig, WithEncoder};
use geoloc::losses::{CrossEntropy, InfoNce, PairMasks};

/// The generator of a CPU backend is one for the whole process.
static GENERATOR: Mutex<()> = Mutex::new(());

fn devices() -> Vec<(&'static str, Device)> {
    #[allow(unused_mut, reason = "other features add devices")]
    let mut devices = vec![("flex", Device::flex())];
    #[cfg(feature = "ndarray")]
    {
        #[allow(
            deprecated,
            reason = "kept for users of the backend until burn 0.23 removes it"
        )]
        devices.push(("ndarray", Device::ndarray()));
    }
    match std::env::var("GEOLOC_TEST_DEVICE").as_deref() {
        #[cfg(feature = "cuda")]
        Ok("cuda") => devices.push(("cuda", Device::cuda(0))),
        #[cfg(feature = "wgpu")]
        Ok("wgpu") => devices.push((
            "wgpu",
            Device::wgpu(geoloc::burn::tensor::DeviceKind::DefaultDevice),
        )),
        Ok(other) => println!("GEOLOC_TEST_DEVICE={other}: its feature is off, skipped"),
        Err(_) => {}
    }
    devices
}

fn encoder() -> SmallCnnConfig {
    SmallCnnConfig {
        input_size: 8,
        channels: vec![4, 6],
    }
}

fn images(n: usize, device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0..n * 3 * 8 * 8)
        .map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0)
        .collect();
    Tensor::from_data(TensorData::new(values, [n, 3, 8, 8]), device)
}

fn places() -> Vec<LatLng> {
    [(48.9, 2.3), (-33.9, 151.2), (40.7, -74.0)]
        .map(|(lat, lng)| LatLng::new(lat, lng).unwrap())
        .into()
}

fn on_every_device(check: impl Fn(&Device)) {
    let _turn = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    for (name, device) in devices() {
        println!("on {name}");
        device.seed(5);
        check(&device);
    }
}

#[test]
fn encoders_and_heads_meet_the_contract() {
    on_every_device(|device| {
        let encoder_config = encoder();
        let encoder = encoder_config.init(device).unwrap();
        contract::check_encoder(&encoder, |n| images(n, device)).unwrap();
        let spec = encoder.spec();
        let fresh = encoder_config.init(device).unwrap();
        contract::check_round_trip(encoder, fresh).unwrap();
        let features = || Features::pooled(Tensor::ones([2, spec.width], device));
        let config = CellHeadConfig {
            cells: 5,
            dropout: 0.0,
        };
        let head = config.init(&spec, device).unwrap();
        contract::check_head(&head, features(), |CellLogits(l)| vec![l]).unwrap();
        let config = EmbeddingHeadConfig { dim: 4 };
        let head = config.init(&spec, device).unwrap();
        contract::check_head(&head, features(), |Embedding(e)| vec![e]).unwrap();
    });
}

#[test]
fn every_parameter_of_both_learners_gets_a_gradient() {
    on_every_device(|device| {
        let device = device.clone().autodiff();
        let model = |head: &CellHeadConfig| {
            let encoder = encoder().init(&device).unwrap();
            let head = head.init(&encoder.spec(), &device).unwrap();
            GeoModel { encoder, head }
        };
        let head = CellHeadConfig {
            cells: 5,
            dropout: 0.1,
        };
        let learner = Training {
            model: model(&head),
            criterion: CrossEntropy::default(),
        };
        let batch = GeoBatch {
            input: images(3, &device),
            target: Tensor::from_data(TensorData::new(vec![0i64, 4, 2], [3]), &device),
            truth: places(),
        };
        contract::check_learner(&learner, batch).unwrap();

        let branch = || {
            let encoder = encoder().init(&device).unwrap();
            let head = EmbeddingHeadConfig { dim: 4 }
                .init(&encoder.spec(), &device)
                .unwrap();
            GeoModel { encoder, head }
        };
        let learner = PairTraining {
            model: TwoBranch::new(branch(), branch(), 10.0, &device),
            criterion: InfoNce::default(),
        };
        let batch = PairBatch {
            query: images(3, &device),
            aerial: images(3, &device).flip([3]),
            target: PairMasks { radius_km: 10.0 }.mask(&places(), &device),
            truth: places(),
        };
        contract::check_learner(&learner, batch).unwrap();
    });
}

#[test]
fn backends_agree_on_the_same_weights() {
    let _turn = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let reference = Device::flex();
    let encoder_config = encoder();
    let model = encoder_config.init(&reference).unwrap().materialize();
    let expected = model.encode(images(2, &reference)).pooled;
    let expected = expected.try_into_vec_as::<f32>().unwrap();
    for (name, device) in devices() {
        let record = model.clone().into_record();
        let other = encoder_config.init(&device).unwrap();
        let other = other.try_load_record(record).unwrap();
        let found = other.encode(images(2, &device)).pooled;
        let found = found.try_into_vec_as::<f32>().unwrap();
        for (a, b) in expected.iter().zip(&found) {
            // Sums of some hundred f32 products in another order.
            assert!((a - b).abs() <= 1e-4 * (1.0 + a.abs()), "{name}: {a} {b}");
        }
    }
}

/// A tiny network of every family, for images of 64 x 64 pixels, and one with each pooling.
fn families() -> Vec<AnyEncoderConfig> {
    let input_size = [64, 64];
    let resnet = |block| ResNetConfig {
        input_size,
        block,
        blocks: [1; 4],
        width: 2,
        classes: None,
    };
    let stage = |stride, expansion, channels| LiteStage {
        blocks: 1,
        kernel: 3,
        stride,
        expansion,
        channels,
    };
    let vit = |config: VitConfig| VitConfig {
        patch: 16,
        width: 12,
        depth: 2,
        heads: 3,
        hidden: 24,
        position_grid: [3, 3],
        ..config.with_input_size(64, 64)
    };
    let clip = VitConfig {
        projection: Some(7),
        ..vit(VitConfig::clip_base16())
    };
    let pooled = |pooling| AnyEncoderConfig::Pooled {
        encoder: Box::new(vit(VitConfig::dinov2_small()).into()),
        pooling,
        normalise: true,
    };
    let salad = SaladConfig {
        clusters: 4,
        cluster_width: 3,
        global_width: 4,
        hidden: 6,
        dropout: 0.1,
        iterations: 3,
    };
    vec![
        resnet(ResNetBlock::Basic).into(),
        resnet(ResNetBlock::Bottleneck).into(),
        EfficientNetLiteConfig {
            input_size,
            stem: 4,
            stages: vec![stage(1, 1, 4), stage(2, 2, 6), stage(2, 2, 8)],
            head: 10,
            classes: None,
        }
        .into(),
        ConvNextConfig {
            input_size,
            blocks: [1; 4],
            channels: [4, 4, 6, 8],
            classes: None,
        }
        .into(),
        vit(VitConfig::dinov2_small().with_registers()).into(),
        clip.into(),
        pooled(PoolingConfig::Gem { p: 3.0 }),
        pooled(PoolingConfig::Salad(salad)),
    ]
}

fn large_images(n: usize, device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0..n * 3 * 64 * 64)
        .map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0)
        .collect();
    Tensor::from_data(TensorData::new(values, [n, 3, 64, 64]), device)
}

/// Encoder contract, gradients of every parameter, and the same results as on `flex`.
struct Family<'a> {
    device: &'a Device,
}

impl WithEncoder for Family<'_> {
    type Output = ();

    fn call<C>(self, config: &C)
    where
        C: EncoderConfig,
        C::Encoder: Backbone + 'static,
    {
        let device = self.device;
        let reference = Device::flex();
        let model = config.init(&reference).unwrap().materialize();
        let expected = model.encode(large_images(2, &reference)).pooled;
        let expected = expected.try_into_vec_as::<f32>().unwrap();
        let encoder = config.init(device).unwrap();
        let encoder = encoder.try_load_record(model.into_record()).unwrap();
        contract::check_encoder(&encoder, |n| large_images(n, device)).unwrap();
        let found = encoder.encode(large_images(2, device)).pooled;
        let found = found.try_into_vec_as::<f32>().unwrap();
        for (a, b) in expected.iter().zip(&found) {
            assert!((a - b).abs() <= 1e-3 * (1.0 + a.abs()), "{a} {b}");
        }

        let device = device.clone().autodiff();
        let encoder = config.init(&device).unwrap();
        let head = CellHeadConfig {
            cells: 5,
            dropout: 0.0,
        };
        let head = head.init(&encoder.spec(), &device).unwrap();
        let learner = Training {
            model: GeoModel { encoder, head },
            criterion: CrossEntropy::default(),
        };
        let batch = GeoBatch {
            input: large_images(3, &device),
            target: Tensor::from_data(TensorData::new(vec![0i64, 4, 2], [3]), &device),
            truth: places(),
        };
        contract::check_learner(&learner, batch).unwrap();
    }
}

#[test]
fn every_family_of_encoders_meets_the_contract() {
    on_every_device(|device| {
        for config in families() {
            println!("{config:?}");
            config.with(Family { device });
        }
    });
}
