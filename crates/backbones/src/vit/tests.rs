use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{ConfigError, Encoder, EncoderConfig, contract};
use geoloc_datasets::Resize;

use super::VitConfig;

/// Small `DINOv2` with registers, whose positions are those of a larger square.
fn config() -> VitConfig {
    VitConfig {
        patch: 4,
        width: 12,
        depth: 2,
        heads: 3,
        hidden: 20,
        position_grid: [4, 4],
        ..VitConfig::dinov2_small()
            .with_registers()
            .with_input_size(8, 12)
    }
}

/// Small CLIP.
fn clip() -> VitConfig {
    VitConfig {
        patch: 4,
        width: 12,
        depth: 2,
        heads: 3,
        hidden: 20,
        position_grid: [2, 3],
        projection: Some(7),
        ..VitConfig::clip_base32().with_input_size(8, 12)
    }
}

fn images(device: &Device) -> impl Fn(usize) -> Tensor<4> {
    move |n| {
        let values: Vec<f32> = (0..n * 3 * 8 * 12)
            .map(|i| (i % 97) as f32 / 50.0 - 1.0)
            .collect();
        Tensor::from_data(TensorData::new(values, [n, 3, 8, 12]), device)
    }
}

#[test]
fn meets_the_contract_of_encoders() {
    let device = Device::flex();
    for (config, width) in [
        (config(), 12),
        (clip(), 7),
        (clip().without_projection(), 12),
    ] {
        let encoder = config.init(&device).unwrap();
        assert_eq!(encoder.spec().width, width);
        assert_eq!(encoder.spec().grid, Some([2, 3]));
        contract::check_encoder(&encoder, images(&device)).unwrap();
        contract::check_round_trip(encoder, config.init(&device).unwrap()).unwrap();
    }
}

#[test]
fn the_standard_networks_have_the_published_sizes() {
    // timm without classifier; DINOv2 of its authors less the mask token; CLIP
    // by `sum(p.numel() for p in model.visual.parameters())`.
    let expected = [
        (VitConfig::small16(), 21_665_664, [14, 14]),
        (VitConfig::base16(), 85_798_656, [14, 14]),
        (VitConfig::large16(), 303_301_632, [14, 14]),
        (VitConfig::dinov2_small(), 22_056_576 - 384, [16, 16]),
        (VitConfig::dinov2_base(), 86_580_480 - 768, [16, 16]),
        (VitConfig::dinov2_large(), 304_368_640 - 1024, [16, 16]),
        (
            VitConfig::dinov2_small().with_registers(),
            22_056_576 + 3 * 384,
            [16, 16],
        ),
        (VitConfig::clip_base32(), 87_849_216, [7, 7]),
        (VitConfig::clip_base16(), 86_192_640, [14, 14]),
        (VitConfig::clip_large14(), 303_966_208, [16, 16]),
        (VitConfig::clip_large14_336(), 304_293_888, [24, 24]),
    ];
    for (config, parameters, grid) in expected {
        let encoder = config.init(&Device::flex()).unwrap();
        assert_eq!(encoder.num_params(), parameters, "{config:?}");
        assert_eq!(encoder.spec().grid, Some(grid));
    }
}

#[test]
fn other_grids_than_that_of_the_configuration_are_encoded() {
    let device = Device::flex();
    let encoder = config().init(&device).unwrap();
    let features = encoder.encode(Tensor::ones([1, 3, 16, 20], &device));
    assert_eq!(features.tokens.unwrap().dims(), [1, 20, 12]);
    assert_eq!(
        encoder.hidden(Tensor::ones([1, 3, 4, 4], &device)).dims(),
        [1, 6, 12]
    );
}

#[test]
fn the_input_has_the_published_sizes() {
    let side = |resize| match resize {
        Resize::ShorterSide(side) => side,
        Resize::Exact { .. } => 0,
    };
    let config = VitConfig::base16();
    assert_eq!(side(config.augreg_preprocess().resize), 248);
    assert_eq!(side(config.dinov2_preprocess().resize), 256);
    let clip = VitConfig::clip_large14_336().clip_preprocess();
    assert_eq!((side(clip.resize), clip.crop), (336, Some((336, 336))));
    clip.check().unwrap();
    assert!(config.check_input(224, 224).is_ok());
    assert!(matches!(
        config.check_input(224, 240),
        Err(ConfigError::InputSize { height: 240, .. })
    ));
}

#[test]
fn numbers_that_make_no_sense_are_refused_by_name() {
    let refused = |change: fn(&mut VitConfig)| {
        let mut config = clip();
        change(&mut config);
        match config.init(&Device::flex()) {
            Err(ConfigError::Value { field, .. }) => field,
            other => panic!("not refused: {other:?}"),
        }
    };
    assert_eq!(refused(|c| c.patch = 0), "patch");
    assert_eq!(refused(|c| c.input_size = [8, 13]), "input_size");
    assert_eq!(refused(|c| c.heads = 5), "heads");
    assert_eq!(refused(|c| c.heads = 0), "heads");
    assert_eq!(refused(|c| c.depth = 0), "depth");
    assert_eq!(refused(|c| c.hidden = 0), "hidden");
    assert_eq!(refused(|c| c.epsilon = f64::NAN), "epsilon");
    assert_eq!(refused(|c| c.position_grid = [0, 3]), "position_grid");
    assert_eq!(refused(|c| c.projection = Some(0)), "projection");
    assert_eq!(
        refused(|c| c.position_resize.offset = 1.0),
        "position_resize.offset"
    );
}
