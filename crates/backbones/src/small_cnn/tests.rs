use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{ConfigError, Encoder, EncoderConfig, contract};

use super::SmallCnnConfig;

fn config() -> SmallCnnConfig {
    SmallCnnConfig {
        input_size: 16,
        channels: vec![4, 6],
    }
}

fn images(device: &Device) -> impl Fn(usize) -> Tensor<4> {
    move |n| {
        let values: Vec<f32> = (0..n * 3 * 16 * 16)
            .map(|i| (i % 97) as f32 / 50.0 - 1.0)
            .collect();
        Tensor::from_data(TensorData::new(values, [n, 3, 16, 16]), device)
    }
}

#[test]
fn meets_the_contract_of_encoders() {
    let device = Device::flex();
    let encoder = config().init(&device).unwrap();
    assert_eq!(encoder.spec().width, 6 * 4 * 4);
    contract::check_encoder(&encoder, images(&device)).unwrap();
    contract::check_round_trip(encoder, config().init(&device).unwrap()).unwrap();
}

#[test]
fn images_of_another_size_are_refused_before_they_reach_the_network() {
    assert!(config().check_input(16, 16).is_ok());
    assert!(matches!(
        config().check_input(16, 24),
        Err(ConfigError::InputSize { .. })
    ));
}

#[test]
fn sizes_that_do_not_fit_are_refused_by_name() {
    let device = Device::flex();
    let refused = |size, channels: &[usize]| {
        let config = SmallCnnConfig {
            input_size: size,
            channels: channels.to_vec(),
        };
        match config.init(&device) {
            Err(ConfigError::Value { field, .. }) => field,
            other => panic!("not refused: {other:?}"),
        }
    };
    assert_eq!(refused(18, &[4, 4]), "input_size");
    assert_eq!(refused(0, &[4]), "input_size");
    assert_eq!(refused(16, &[]), "channels.len()");
    assert_eq!(refused(16, &[4, 0]), "channels");
}
