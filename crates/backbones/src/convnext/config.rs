//! Configuration of `ConvNeXt`.

use burn::tensor::Device;
use geoloc_core::{ConfigError, EncoderConfig};
use geoloc_datasets::{Interpolation, Preprocess, Resize};
use serde::{Deserialize, Serialize};

use super::ConvNext;
use crate::weights::KeyMap;

/// Configuration of a [`ConvNext`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvNextConfig {
    /// Rows and columns of the input, at least 32; a remainder by 32 is cut off.
    pub input_size: [usize; 2],
    /// Blocks of each of the four stages.
    pub blocks: [usize; 4],
    /// Channels of each of the four stages.
    pub channels: [usize; 4],
    /// Classes of the classifier of the checkpoint, if it is wanted.
    pub classes: Option<usize>,
}

impl ConvNextConfig {
    /// `ConvNeXt`-T without classifier for 224 x 224 pixels: features of width 768.
    #[must_use]
    pub fn tiny() -> Self {
        Self::standard([3, 3, 9, 3], 96)
    }

    /// `ConvNeXt`-S without classifier for 224 x 224 pixels: features of width 768.
    #[must_use]
    pub fn small() -> Self {
        Self::standard([3, 3, 27, 3], 96)
    }

    /// `ConvNeXt`-B without classifier for 224 x 224 pixels: features of width 1024.
    #[must_use]
    pub fn base() -> Self {
        Self::standard([3, 3, 27, 3], 128)
    }

    fn standard(blocks: [usize; 4], width: usize) -> Self {
        Self {
            input_size: [224, 224],
            blocks,
            channels: [1, 2, 4, 8].map(|factor| factor * width),
            classes: None,
        }
    }

    /// The same network for images of another size.
    #[must_use]
    pub fn with_input_size(mut self, rows: usize, columns: usize) -> Self {
        self.input_size = [rows, columns];
        self
    }

    /// The input of timm's weights: a crop of seven eighths, bicubic, mean and deviation of
    /// `ImageNet`.
    #[must_use]
    pub fn preprocess(&self) -> Preprocess {
        let [rows, columns] = self.input_size.map(|side| side as u32);
        Preprocess {
            resize: Resize::ShorterSide(rows.max(columns).saturating_mul(8) / 7),
            crop: Some((columns, rows)),
            interpolation: Interpolation::Bicubic,
            ..Preprocess::imagenet()
        }
    }

    /// Names of timm checkpoints; without a classifier here, theirs is set aside.
    #[must_use]
    pub fn timm_keys(&self) -> KeyMap {
        let keys = KeyMap::new()
            .replace("stem.0.", "stem.conv.")
            .replace("stem.1.", "stem.norm.")
            .replace("downsample.0.", "downsample.norm.")
            .replace("downsample.1.", "downsample.conv.");
        match self.classes {
            Some(_) => keys,
            None => keys.drop_prefix("head.fc."),
        }
    }

    /// Names of torchvision checkpoints; without a classifier here, theirs is set aside.
    #[must_use]
    pub fn torchvision_keys(&self) -> KeyMap {
        let keys = match self.classes {
            Some(_) => KeyMap::new().replace("classifier.2.", "head.fc."),
            None => KeyMap::new().drop_prefix("classifier.2."),
        };
        let mut keys = keys
            .replace("classifier.0.", "head.norm.")
            .replace("features.0.0.", "stem.conv.")
            .replace("features.0.1.", "stem.norm.");
        for (stage, (&blocks, &channels)) in self.blocks.iter().zip(&self.channels).enumerate() {
            if stage > 0 {
                let here = format!("stages.{stage}.downsample");
                let there = 2 * stage;
                keys = keys
                    .replace(format!("features.{there}.0."), format!("{here}.norm."))
                    .replace(format!("features.{there}.1."), format!("{here}.conv."));
            }
            let there = 2 * stage + 1;
            keys = keys.replace(
                format!("features.{there}."),
                format!("stages.{stage}.blocks."),
            );
            for block in 0..blocks {
                let gamma = format!("stages.{stage}.blocks.{block}.gamma");
                keys = keys
                    .rename(
                        format!("stages.{stage}.blocks.{block}.layer_scale"),
                        gamma.clone(),
                    )
                    .reshape(gamma, [channels]);
            }
        }
        keys.replace(".block.0.", ".conv_dw.")
            .replace(".block.2.", ".norm.")
            .replace(".block.3.", ".mlp.fc1.")
            .replace(".block.5.", ".mlp.fc2.")
    }
}

impl EncoderConfig for ConvNextConfig {
    type Encoder = ConvNext;

    fn init(&self, device: &Device) -> Result<ConvNext, ConfigError> {
        let within = |field, value: usize, most: usize, expected| {
            ConfigError::check((1..=most).contains(&value), field, value as f64, expected)
        };
        for side in self.input_size {
            let good = (32..=16_384).contains(&side);
            ConfigError::check(good, "input_size", side as f64, "32 to 16384 pixels")?;
        }
        for blocks in self.blocks {
            within("blocks", blocks, 1000, "1 to 1000 blocks")?;
        }
        for channels in self.channels {
            within("channels", channels, 16_384, "1 to 16384 channels")?;
        }
        if let Some(classes) = self.classes {
            within("classes", classes, 1 << 24, "1 to 16777216 classes")?;
        }
        Ok(ConvNext::new(self, device))
    }
}
