//! Published encoders by name: configuration, input, and whose names the checkpoint has.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::AnyEncoderConfig;
use crate::backbones::weights::KeyMap;
use crate::backbones::{ConvNextConfig, EfficientNetLiteConfig, ResNetConfig, VitConfig};
use crate::datasets::{Preprocess, Resize};

/// An encoder that weights are published for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamedEncoder(usize);

/// A name that no encoder has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no encoder is called `{name}`; there are {}", known().join(", "))]
pub struct UnknownEncoder {
    /// The name.
    pub name: String,
}

/// All of a published encoder but its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedEncoder {
    /// Its configuration.
    pub config: AnyEncoderConfig,
    /// What it was trained to read.
    pub input: Preprocess,
    /// From the names in the checkpoint to its own.
    pub keys: KeyMap,
}

type Build = fn(Option<usize>) -> PublishedEncoder;

/// Names with what belongs to them, for inputs of a given side or the usual one.
const TABLE: [(&str, Build); 24] = [
    ("resnet18", |side| resnet(ResNetConfig::resnet18(), side)),
    ("resnet34", |side| resnet(ResNetConfig::resnet34(), side)),
    ("resnet50", |side| resnet(ResNetConfig::resnet50(), side)),
    ("resnet101", |side| resnet(ResNetConfig::resnet101(), side)),
    ("efficientnet_lite0", |side| {
        lite(EfficientNetLiteConfig::lite0(), side)
    }),
    ("efficientnet_lite1", |side| {
        lite(EfficientNetLiteConfig::lite1(), side)
    }),
    ("efficientnet_lite2", |side| {
        lite(EfficientNetLiteConfig::lite2(), side)
    }),
    ("convnext_tiny", |side| {
        convnext(ConvNextConfig::tiny(), side, ConvNextConfig::timm_keys)
    }),
    ("convnext_base", |side| {
        convnext(ConvNextConfig::base(), side, ConvNextConfig::timm_keys)
    }),
    ("convnext_tiny_torchvision", |side| {
        convnext(
            ConvNextConfig::tiny(),
            side,
            ConvNextConfig::torchvision_keys,
        )
    }),
    ("convnext_base_torchvision", |side| {
        convnext(
            ConvNextConfig::base(),
            side,
            ConvNextConfig::torchvision_keys,
        )
    }),
    ("vit_small16", |side| vit(VitConfig::small16(), side)),
    ("vit_base16", |side| vit(VitConfig::base16(), side)),
    ("vit_large16", |side| vit(VitConfig::large16(), side)),
    ("dinov2_vits14", |side| {
        dinov2(VitConfig::dinov2_small(), side)
    }),
    ("dinov2_vitb14", |side| {
        dinov2(VitConfig::dinov2_base(), side)
    }),
    ("dinov2_vitl14", |side| {
        dinov2(VitConfig::dinov2_large(), side)
    }),
    ("dinov2_vits14_reg", |side| {
        dinov2(VitConfig::dinov2_small().with_registers(), side)
    }),
    ("dinov2_vitb14_reg", |side| {
        dinov2(VitConfig::dinov2_base().with_registers(), side)
    }),
    ("dinov2_vitl14_reg", |side| {
        dinov2(VitConfig::dinov2_large().with_registers(), side)
    }),
    ("clip_vit_b32", |side| clip(VitConfig::clip_base32(), side)),
    ("clip_vit_b16", |side| clip(VitConfig::clip_base16(), side)),
    ("clip_vit_l14", |side| clip(VitConfig::clip_large14(), side)),
    ("clip_vit_l14_336", |side| {
        clip(VitConfig::clip_large14_336(), side)
    }),
];

fn known() -> Vec<&'static str> {
    TABLE.iter().map(|(name, _)| *name).collect()
}

impl NamedEncoder {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..TABLE.len()).map(Self)
    }

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        TABLE.get(self.0).map_or("", |(name, _)| name)
    }

    /// Configuration, input and names for square inputs of `side` pixels, or of the usual size.
    #[must_use]
    pub fn parts(self, side: Option<usize>) -> PublishedEncoder {
        let build = TABLE.get(self.0).map_or(TABLE[0].1, |(_, build)| *build);
        build(side)
    }
}

impl FromStr for NamedEncoder {
    type Err = UnknownEncoder;

    fn from_str(name: &str) -> Result<Self, UnknownEncoder> {
        let found = TABLE.iter().position(|(known, _)| *known == name);
        found.map(Self).ok_or_else(|| UnknownEncoder {
            name: name.to_owned(),
        })
    }
}

impl TryFrom<String> for NamedEncoder {
    type Error = UnknownEncoder;

    fn try_from(name: String) -> Result<Self, UnknownEncoder> {
        name.parse()
    }
}

impl From<NamedEncoder> for String {
    fn from(encoder: NamedEncoder) -> Self {
        encoder.name().into()
    }
}

impl Display for NamedEncoder {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

fn resnet(mut config: ResNetConfig, side: Option<usize>) -> PublishedEncoder {
    let mut input = ResNetConfig::preprocess();
    if let Some(side) = side {
        config.input_size = [side; 2];
        let side = side as u32;
        input.resize = Resize::ShorterSide(side.saturating_mul(8) / 7);
        input.crop = Some((side, side));
    }
    PublishedEncoder {
        keys: config.torchvision_keys(),
        config: config.into(),
        input,
    }
}

fn lite(mut config: EfficientNetLiteConfig, side: Option<usize>) -> PublishedEncoder {
    if let Some(side) = side {
        config.input_size = [side; 2];
    }
    PublishedEncoder {
        input: config.preprocess(),
        keys: config.timm_keys(),
        config: config.into(),
    }
}

fn convnext(
    mut config: ConvNextConfig,
    side: Option<usize>,
    keys: fn(&ConvNextConfig) -> KeyMap,
) -> PublishedEncoder {
    if let Some(side) = side {
        config = config.with_input_size(side, side);
    }
    PublishedEncoder {
        input: config.preprocess(),
        keys: keys(&config),
        config: config.into(),
    }
}

fn vit(config: VitConfig, side: Option<usize>) -> PublishedEncoder {
    let config = sized(config, side);
    PublishedEncoder {
        input: config.augreg_preprocess(),
        keys: config.timm_keys(),
        config: config.into(),
    }
}

fn dinov2(config: VitConfig, side: Option<usize>) -> PublishedEncoder {
    let config = sized(config, side);
    PublishedEncoder {
        input: config.dinov2_preprocess(),
        keys: config.dinov2_keys(),
        config: config.into(),
    }
}

fn clip(config: VitConfig, side: Option<usize>) -> PublishedEncoder {
    let config = sized(config, side);
    PublishedEncoder {
        input: config.clip_preprocess(),
        keys: config.hugging_face_clip_keys(),
        config: config.into(),
    }
}

fn sized(config: VitConfig, side: Option<usize>) -> VitConfig {
    match side {
        Some(side) => config.with_input_size(side, side),
        None => config,
    }
}
