use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{ConfigError, Encoder, EncoderConfig, contract};
use geoloc_datasets::Resize;

use super::{EfficientNetLiteConfig, LiteStage};

fn config() -> EfficientNetLiteConfig {
    let stage = |blocks, kernel, stride, expansion, channels| LiteStage {
        blocks,
        kernel,
        stride,
        expansion,
        channels,
    };
    EfficientNetLiteConfig {
        input_size: [31, 24],
        stem: 8,
        stages: vec![
            stage(1, 3, 1, 1, 8),
            stage(2, 5, 2, 4, 12),
            stage(1, 3, 2, 6, 16),
        ],
        head: 24,
        classes: None,
    }
}

fn images(device: &Device) -> impl Fn(usize) -> Tensor<4> {
    move |n| {
        let values: Vec<f32> = (0..n * 3 * 31 * 24)
            .map(|i| (i % 97) as f32 / 50.0 - 1.0)
            .collect();
        Tensor::from_data(TensorData::new(values, [n, 3, 31, 24]), device)
    }
}

#[test]
fn meets_the_contract_of_encoders() {
    let device = Device::flex();
    let encoder = config().init(&device).unwrap();
    assert_eq!(encoder.spec().width, 24);
    assert_eq!(encoder.spec().grid, Some([4, 3]));
    contract::check_encoder(&encoder, images(&device)).unwrap();
    contract::check_round_trip(encoder, config().init(&device).unwrap()).unwrap();
}

#[test]
fn the_networks_scale_as_published() {
    // Output channels and blocks of each stage, from the definition of the authors.
    let stages = |config: &EfficientNetLiteConfig| -> Vec<(usize, usize)> {
        let stages = config.stages.iter();
        stages.map(|s| (s.channels, s.blocks)).collect()
    };
    let base = [16, 24, 40, 80, 112, 192, 320];
    let with = |blocks: [usize; 7]| base.into_iter().zip(blocks).collect::<Vec<_>>();
    let [zero, one, two] = [
        EfficientNetLiteConfig::lite0(),
        EfficientNetLiteConfig::lite1(),
        EfficientNetLiteConfig::lite2(),
    ];
    assert_eq!(stages(&zero), with([1, 2, 2, 3, 3, 4, 1]));
    assert_eq!(stages(&one), with([1, 3, 3, 4, 4, 5, 1]));
    let wide = [16, 24, 48, 88, 120, 208, 352];
    let deep = [1, 3, 3, 4, 4, 5, 1];
    assert_eq!(stages(&two), wide.into_iter().zip(deep).collect::<Vec<_>>());
    let sizes = [zero, one, two].map(|c| {
        let encoder = c.init(&Device::flex()).unwrap();
        (encoder.spec().grid, encoder.num_params())
    });
    // Parameters plus running statistics, as timm counts them, without classifier.
    let expected = [
        (Some([7, 7]), 3_371_008 + 42_016),
        (Some([8, 8]), 4_135_680 + 53_664),
        (Some([9, 9]), 4_811_072 + 58_096),
    ];
    assert_eq!(sizes, expected);
}

#[test]
fn preprocessing_is_that_of_the_checkpoint() {
    let resize = |config: EfficientNetLiteConfig| config.preprocess().resize;
    // Sides of timm: 224 / 0.875, 240 / 0.882 and 260 / 0.89.
    assert_eq!(
        resize(EfficientNetLiteConfig::lite1()),
        Resize::ShorterSide(272)
    );
    assert_eq!(
        resize(EfficientNetLiteConfig::lite2()),
        Resize::ShorterSide(292)
    );
    let preprocess = EfficientNetLiteConfig::lite0().preprocess();
    assert_eq!(preprocess.resize, Resize::ShorterSide(256));
    assert_eq!(preprocess.output_size(), (224, 224));
    let values = preprocess.apply_rgb(&vec![255; 3 * 224 * 224], 224, 224);
    // (255 - 127) / 128
    assert!((values.unwrap()[0] - 1.0).abs() < 1e-6);
}

#[test]
fn numbers_that_make_no_sense_are_refused_by_name() {
    let refused = |change: fn(&mut EfficientNetLiteConfig)| {
        let mut config = config();
        change(&mut config);
        match config.init(&Device::flex()) {
            Err(ConfigError::Value { field, .. }) => field,
            other => panic!("not refused: {other:?}"),
        }
    };
    assert_eq!(refused(|c| c.input_size = [0, 24]), "input_size");
    assert_eq!(refused(|c| c.stages.clear()), "stages.len()");
    assert_eq!(refused(|c| c.stages[1].stride = 3), "stride");
    assert_eq!(refused(|c| c.stages[0].expansion = 0), "expansion");
    assert_eq!(refused(|c| c.head = 0), "head");
    assert_eq!(refused(|c| c.classes = Some(0)), "classes");
}
