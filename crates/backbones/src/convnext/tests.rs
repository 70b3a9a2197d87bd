use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{ConfigError, Encoder, EncoderConfig, contract};

use super::ConvNextConfig;

fn config() -> ConvNextConfig {
    ConvNextConfig {
        input_size: [70, 40],
        blocks: [1, 1, 2, 1],
        channels: [4, 6, 8, 10],
        classes: None,
    }
}

fn images(device: &Device) -> impl Fn(usize) -> Tensor<4> {
    move |n| {
        let values: Vec<f32> = (0..n * 3 * 70 * 40)
            .map(|i| (i % 97) as f32 / 50.0 - 1.0)
            .collect();
        Tensor::from_data(TensorData::new(values, [n, 3, 70, 40]), device)
    }
}

#[test]
fn meets_the_contract_of_encoders() {
    let device = Device::flex();
    let encoder = config().init(&device).unwrap();
    assert_eq!(encoder.spec().width, 10);
    assert_eq!(encoder.spec().grid, Some([2, 1]));
    contract::check_encoder(&encoder, images(&device)).unwrap();
    contract::check_round_trip(encoder, config().init(&device).unwrap()).unwrap();
}

#[test]
fn the_standard_networks_have_the_published_sizes() {
    // As torchvision counts them, without the classifier of 1000 classes.
    let classifier = |width: usize| 1000 * width + 1000;
    let expected = [
        (ConvNextConfig::tiny(), 28_589_128 - classifier(768)),
        (ConvNextConfig::small(), 50_223_688 - classifier(768)),
        (ConvNextConfig::base(), 88_591_464 - classifier(1024)),
    ];
    for (config, parameters) in expected {
        let encoder = config.init(&Device::flex()).unwrap();
        assert_eq!(encoder.num_params(), parameters);
        assert_eq!(encoder.spec().grid, Some([7, 7]));
    }
}

#[test]
fn numbers_that_make_no_sense_are_refused_by_name() {
    let refused = |change: fn(&mut ConvNextConfig)| {
        let mut config = config();
        change(&mut config);
        match config.init(&Device::flex()) {
            Err(ConfigError::Value { field, .. }) => field,
            other => panic!("not refused: {other:?}"),
        }
    };
    assert_eq!(refused(|c| c.input_size = [31, 40]), "input_size");
    assert_eq!(refused(|c| c.blocks[2] = 0), "blocks");
    assert_eq!(refused(|c| c.channels[0] = 0), "channels");
    assert_eq!(refused(|c| c.classes = Some(0)), "classes");
}
