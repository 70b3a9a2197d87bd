//! One tiny network of each family.

use geoloc::backbones::efficientnet_lite::LiteStage;
use geoloc::backbones::resnet::ResNetBlock;
use geoloc::backbones::{
    ConvNext, ConvNextConfig, EfficientNetLite, EfficientNetLiteConfig, ResNet, ResNetConfig,
    SmallCnn, SmallCnnConfig, Vit, VitConfig,
};
use geoloc::burn::module::Module;
use geoloc::burn::tensor::{Device, Tensor};
use geoloc::core::{Encoder, EncoderConfig, FeatureSpec, Features};

/// Side of the images.
pub(crate) const SIDE: usize = 32;

/// One network of each family: heads see nothing of an encoder but its features.
#[derive(Module, Debug)]
pub(crate) enum AnyEncoder {
    Small(SmallCnn),
    ResNet(ResNet),
    Lite(EfficientNetLite),
    ConvNext(ConvNext),
    Vit(Vit),
}

impl Encoder for AnyEncoder {
    type Input = Tensor<4>;

    fn encode(&self, input: Tensor<4>) -> Features {
        match self {
            Self::Small(e) => e.encode(input),
            Self::ResNet(e) => e.encode(input),
            Self::Lite(e) => e.encode(input),
            Self::ConvNext(e) => e.encode(input),
            Self::Vit(e) => e.encode(input),
        }
    }

    fn spec(&self) -> FeatureSpec {
        match self {
            Self::Small(e) => e.spec(),
            Self::ResNet(e) => e.spec(),
            Self::Lite(e) => e.spec(),
            Self::ConvNext(e) => e.spec(),
            Self::Vit(e) => e.spec(),
        }
    }
}

pub(crate) type Build = fn(&Device) -> AnyEncoder;

/// Tiny networks; what they are in full size is not asked here.
pub(crate) fn encoders() -> [(&'static str, Build); 5] {
    const SIZE: [usize; 2] = [SIDE, SIDE];
    [
        ("small CNN", |device| {
            let config = SmallCnnConfig {
                input_size: SIDE,
                channels: vec![4, 6],
            };
            AnyEncoder::Small(config.init(device).unwrap())
        }),
        ("ResNet", |device| {
            let config = ResNetConfig {
                input_size: SIZE,
                block: ResNetBlock::Bottleneck,
                blocks: [1; 4],
                width: 2,
                classes: None,
            };
            AnyEncoder::ResNet(config.init(device).unwrap())
        }),
        ("EfficientNet-Lite", |device| {
            let stage = |stride, expansion, channels| LiteStage {
                blocks: 1,
                kernel: 3,
                stride,
                expansion,
                channels,
            };
            let config = EfficientNetLiteConfig {
                input_size: SIZE,
                stem: 4,
                stages: vec![stage(1, 1, 4), stage(2, 2, 6)],
                head: 10,
                classes: None,
            };
            AnyEncoder::Lite(config.init(device).unwrap())
        }),
        ("ConvNeXt", |device| {
            let config = ConvNextConfig {
                input_size: SIZE,
                blocks: [1; 4],
                channels: [4, 4, 6, 8],
                classes: None,
            };
            AnyEncoder::ConvNext(config.init(device).unwrap())
        }),
        ("ViT", |device| {
            let config = VitConfig {
                patch: 16,
                width: 12,
                depth: 1,
                heads: 3,
                hidden: 24,
                position_grid: [2, 2],
                ..VitConfig::dinov2_small()
            };
            let config = config.with_input_size(SIDE, SIDE);
            AnyEncoder::Vit(config.init(device).unwrap())
        }),
    ]
}
