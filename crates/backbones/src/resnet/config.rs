//! Configuration of residual networks.

use burn::tensor::Device;
use geoloc_core::{ConfigError, EncoderConfig};
use geoloc_datasets::Preprocess;
use serde::{Deserialize, Serialize};

use super::ResNet;
use crate::weights::KeyMap;

/// The kind of block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResNetBlock {
    /// Two 3 x 3 convolutions; the output has the width of the block.
    Basic,
    /// 1 x 1, 3 x 3, 1 x 1; the output is 4 times as wide as the block.
    Bottleneck,
}

impl ResNetBlock {
    pub(super) fn expansion(self) -> usize {
        match self {
            Self::Basic => 1,
            Self::Bottleneck => 4,
        }
    }
}

/// Configuration of a [`ResNet`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResNetConfig {
    /// Rows and columns of the input.
    pub input_size: [usize; 2],
    /// The kind of block.
    pub block: ResNetBlock,
    /// Blocks of each of the four stages.
    pub blocks: [usize; 4],
    /// Width of the first stage; every stage doubles it.
    pub width: usize,
    /// Classes of the classifier of the checkpoint, if it is wanted.
    pub classes: Option<usize>,
}

impl ResNetConfig {
    /// ResNet-18 without classifier for 224 x 224 pixels: features of width 512.
    #[must_use]
    pub fn resnet18() -> Self {
        Self::standard(ResNetBlock::Basic, [2, 2, 2, 2])
    }

    /// ResNet-34 without classifier for 224 x 224 pixels: features of width 512.
    #[must_use]
    pub fn resnet34() -> Self {
        Self::standard(ResNetBlock::Basic, [3, 4, 6, 3])
    }

    /// ResNet-50 without classifier for 224 x 224 pixels: features of width 2048.
    #[must_use]
    pub fn resnet50() -> Self {
        Self::standard(ResNetBlock::Bottleneck, [3, 4, 6, 3])
    }

    /// ResNet-101 without classifier for 224 x 224 pixels: features of width 2048.
    #[must_use]
    pub fn resnet101() -> Self {
        Self::standard(ResNetBlock::Bottleneck, [3, 4, 23, 3])
    }

    fn standard(block: ResNetBlock, blocks: [usize; 4]) -> Self {
        Self {
            input_size: [224, 224],
            block,
            blocks,
            width: 64,
            classes: None,
        }
    }

    /// The input of the weights of torchvision: shorter side 256, crop 224, mean and deviation of
    /// `ImageNet`.
    #[must_use]
    pub fn preprocess() -> Preprocess {
        Preprocess::imagenet()
    }

    /// Names of torchvision checkpoints; without a classifier here, theirs is set aside.
    #[must_use]
    pub fn torchvision_keys(&self) -> KeyMap {
        let keys = KeyMap::new()
            .drop_suffix(".num_batches_tracked")
            .replace("downsample.0.", "downsample.conv.")
            .replace("downsample.1.", "downsample.bn.");
        match self.classes {
            Some(_) => keys,
            None => keys.drop_prefix("fc."),
        }
    }
}

impl EncoderConfig for ResNetConfig {
    type Encoder = ResNet;

    fn init(&self, device: &Device) -> Result<ResNet, ConfigError> {
        let within = |field, value: usize, most: usize, expected| {
            ConfigError::check((1..=most).contains(&value), field, value as f64, expected)
        };
        for side in self.input_size {
            within("input_size", side, 16_384, "1 to 16384 pixels")?;
        }
        for blocks in self.blocks {
            within("blocks", blocks, 1000, "1 to 1000 blocks")?;
        }
        within("width", self.width, 4096, "1 to 4096 channels")?;
        if let Some(classes) = self.classes {
            within("classes", classes, 1 << 24, "1 to 16777216 classes")?;
        }
        Ok(ResNet::new(self, device))
    }
}
