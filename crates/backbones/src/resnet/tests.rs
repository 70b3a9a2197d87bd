use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{ConfigError, Encoder, EncoderConfig, contract};

use super::{ResNetBlock, ResNetConfig};

fn config(block: ResNetBlock) -> ResNetConfig {
    ResNetConfig {
        input_size: [40, 33],
        block,
        blocks: [1, 2, 1, 1],
        width: 4,
        classes: None,
    }
}

fn images(device: &Device) -> impl Fn(usize) -> Tensor<4> {
    move |n| {
        let values: Vec<f32> = (0..n * 3 * 40 * 33)
            .map(|i| (i % 97) as f32 / 50.0 - 1.0)
            .collect();
        Tensor::from_data(TensorData::new(values, [n, 3, 40, 33]), device)
    }
}

#[test]
fn meets_the_contract_of_encoders() {
    let device = Device::flex();
    for (block, width) in [(ResNetBlock::Basic, 32), (ResNetBlock::Bottleneck, 128)] {
        let encoder = config(block).init(&device).unwrap();
        assert_eq!(encoder.spec().width, width);
        // 40 -> 20 -> 10 -> 5 -> 3 -> 2 and 33 -> 17 -> 9 -> 5 -> 3 -> 2.
        assert_eq!(encoder.spec().grid, Some([2, 2]));
        contract::check_encoder(&encoder, images(&device)).unwrap();
        contract::check_round_trip(encoder, config(block).init(&device).unwrap()).unwrap();
    }
}

#[test]
fn the_standard_networks_have_the_published_sizes() {
    // Parameters without running statistics, as torchvision counts them, without classifier.
    let expected = [
        (ResNetConfig::resnet18(), 11_176_512, 9_600),
        (ResNetConfig::resnet34(), 21_284_672, 17_024),
        (ResNetConfig::resnet50(), 23_508_032, 53_120),
        (ResNetConfig::resnet101(), 42_500_160, 105_344),
    ];
    for (config, parameters, statistics) in expected {
        let encoder = config.init(&Device::flex()).unwrap();
        // burn counts running means and variances too.
        assert_eq!(encoder.num_params(), parameters + statistics);
        assert_eq!(encoder.spec().grid, Some([7, 7]));
    }
}

#[test]
fn there_is_a_classifier_only_if_asked_for() {
    let device = Device::flex();
    let with = ResNetConfig {
        classes: Some(5),
        ..config(ResNetBlock::Basic)
    };
    let logits = with.init(&device).unwrap().classify(images(&device)(2));
    assert_eq!(logits.unwrap().dims(), [2, 5]);
    let without = config(ResNetBlock::Basic).init(&device).unwrap();
    assert!(without.classify(images(&device)(2)).is_none());
}

#[test]
fn numbers_that_make_no_sense_are_refused_by_name() {
    let refused = |change: fn(&mut ResNetConfig)| {
        let mut config = config(ResNetBlock::Basic);
        change(&mut config);
        match config.init(&Device::flex()) {
            Err(ConfigError::Value { field, .. }) => field,
            other => panic!("not refused: {other:?}"),
        }
    };
    assert_eq!(refused(|c| c.input_size = [0, 33]), "input_size");
    assert_eq!(refused(|c| c.blocks[2] = 0), "blocks");
    assert_eq!(refused(|c| c.width = 0), "width");
    assert_eq!(refused(|c| c.classes = Some(0)), "classes");
}
