//! Configuration of EfficientNet-Lite.

use burn::tensor::Device;
use geoloc_core::{ConfigError, EncoderConfig};
use geoloc_datasets::{Interpolation, Preprocess, Resize};
use serde::{Deserialize, Serialize};

use super::EfficientNetLite;
use crate::weights::KeyMap;

/// Blocks of one shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiteStage {
    /// Number of blocks.
    pub blocks: usize,
    /// Side of the depthwise kernel.
    pub kernel: usize,
    /// Stride of the first block, 1 or 2.
    pub stride: usize,
    /// How much wider the depthwise convolution is than the input; 1 leaves the expansion out.
    pub expansion: usize,
    /// Output channels.
    pub channels: usize,
}

/// Configuration of an [`EfficientNetLite`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EfficientNetLiteConfig {
    /// Rows and columns of the input.
    pub input_size: [usize; 2],
    /// Channels of the first convolution.
    pub stem: usize,
    /// The stages.
    pub stages: Vec<LiteStage>,
    /// Channels of the last convolution, the width of the features.
    pub head: usize,
    /// Classes of the classifier of the checkpoint, if it is wanted.
    pub classes: Option<usize>,
}

/// Stages of `EfficientNet`-B0: blocks, kernel, stride, expansion, channels.
const BASE: [[usize; 5]; 7] = [
    [1, 3, 1, 1, 16],
    [2, 3, 2, 6, 24],
    [2, 5, 2, 6, 40],
    [3, 3, 2, 6, 80],
    [3, 5, 1, 6, 112],
    [4, 5, 2, 6, 192],
    [1, 3, 1, 6, 320],
];

impl EfficientNetLiteConfig {
    /// Lite0 without classifier for 224 x 224 pixels: features of width 1280.
    #[must_use]
    pub fn lite0() -> Self {
        Self::scaled(1.0, 1.0, 224)
    }

    /// Lite1 without classifier for 240 x 240 pixels: features of width 1280.
    #[must_use]
    pub fn lite1() -> Self {
        Self::scaled(1.0, 1.1, 240)
    }

    /// Lite2 without classifier for 260 x 260 pixels: features of width 1280.
    #[must_use]
    pub fn lite2() -> Self {
        Self::scaled(1.1, 1.2, 260)
    }

    /// The base network scaled in width and depth; the first and last stage keep their depth.
    fn scaled(width: f64, depth: f64, side: usize) -> Self {
        let last = BASE.len() - 1;
        let stages = BASE.iter().enumerate().map(|(i, stage)| {
            let [blocks, kernel, stride, expansion, channels] = *stage;
            let ends = i == 0 || i == last;
            LiteStage {
                blocks: if ends {
                    blocks
                } else {
                    (blocks as f64 * depth).ceil() as usize
                },
                kernel,
                stride,
                expansion,
                channels: round_channels(channels as f64 * width),
            }
        });
        Self {
            input_size: [side, side],
            stem: 32,
            stages: stages.collect(),
            head: 1280,
            classes: None,
        }
    }

    /// The input of the published weights for a model of this input size: shorter side 32 pixels
    /// longer than the crop, bicubic, `(byte - 127) / 128`.
    #[must_use]
    pub fn preprocess(&self) -> Preprocess {
        let [rows, columns] = self.input_size.map(|side| side as u32);
        Preprocess {
            resize: Resize::ShorterSide(rows.max(columns).saturating_add(32)),
            crop: Some((columns, rows)),
            interpolation: Interpolation::Bicubic,
            mean: [127.0 / 255.0; 3],
            std: [128.0 / 255.0; 3],
        }
    }

    /// Names of timm checkpoints; without a classifier here, theirs is set aside.
    #[must_use]
    pub fn timm_keys(&self) -> KeyMap {
        let keys = KeyMap::new().drop_suffix(".num_batches_tracked");
        match self.classes {
            Some(_) => keys,
            None => keys.drop_prefix("classifier."),
        }
    }
}

/// The nearest multiple of 8, but not less than nine tenths of the number.
fn round_channels(channels: f64) -> usize {
    let rounded = (((channels + 4.0) / 8.0).floor() * 8.0).max(8.0);
    if rounded < 0.9 * channels {
        (rounded + 8.0) as usize
    } else {
        rounded as usize
    }
}

impl EncoderConfig for EfficientNetLiteConfig {
    type Encoder = EfficientNetLite;

    fn init(&self, device: &Device) -> Result<EfficientNetLite, ConfigError> {
        let within = |field, value: usize, most: usize, expected| {
            ConfigError::check((1..=most).contains(&value), field, value as f64, expected)
        };
        for side in self.input_size {
            within("input_size", side, 16_384, "1 to 16384 pixels")?;
        }
        within("stem", self.stem, 4096, "1 to 4096 channels")?;
        within("head", self.head, 65_536, "1 to 65536 channels")?;
        within("stages.len()", self.stages.len(), 32, "1 to 32 stages")?;
        for stage in &self.stages {
            within("blocks", stage.blocks, 1000, "1 to 1000 blocks")?;
            within("kernel", stage.kernel, 31, "1 to 31 pixels")?;
            within("stride", stage.stride, 2, "1 or 2")?;
            within("expansion", stage.expansion, 16, "1 to 16")?;
            within("channels", stage.channels, 4096, "1 to 4096 channels")?;
        }
        if let Some(classes) = self.classes {
            within("classes", classes, 1 << 24, "1 to 16777216 classes")?;
        }
        Ok(EfficientNetLite::new(self, device))
    }
}
