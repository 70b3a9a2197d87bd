//! Configuration of vision transformers.

use burn::tensor::Device;
use geoloc_core::{ConfigError, EncoderConfig};
use serde::{Deserialize, Serialize};

use super::{PositionResize, Vit};

/// The function between the two layers of each block's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VitActivation {
    /// GELU by the error function.
    Gelu,
    /// `x * sigmoid(1.702 x)`, as in CLIP's original weights.
    QuickGelu,
}

/// Configuration of a [`Vit`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each says whether a checkpoint has a part"
)]
pub struct VitConfig {
    /// Rows and columns of the input, multiples of the patch.
    pub input_size: [usize; 2],
    /// Side of a patch in pixels.
    pub patch: usize,
    /// Whether the embedding of patches has a bias.
    pub patch_bias: bool,
    /// Length of a token.
    pub width: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Heads of the attention; they divide the width.
    pub heads: usize,
    /// Width between the two layers of each block's network, as a rule 4 times that of a token.
    pub hidden: usize,
    /// The function between them.
    pub activation: VitActivation,
    /// Epsilon of the norms.
    pub epsilon: f64,
    /// Rows and columns of the position embeddings of the checkpoint.
    pub position_grid: [usize; 2],
    /// How they are brought to the grid of the input where it differs.
    pub position_resize: PositionResize,
    /// Whether the class token has a position embedding, the first one.
    pub class_position: bool,
    /// Tokens after the class token that belong to no patch.
    pub registers: usize,
    /// Whether each branch of a block has a factor for each channel.
    pub layer_scale: bool,
    /// Whether there is a norm before the blocks.
    pub pre_norm: bool,
    /// Width of a projection of the features without bias, if there is one.
    pub projection: Option<usize>,
}

impl VitConfig {
    /// The same network for images of another size.
    #[must_use]
    pub fn with_input_size(mut self, rows: usize, columns: usize) -> Self {
        self.input_size = [rows, columns];
        self
    }

    /// The same network without its projection: features are the normed tokens.
    #[must_use]
    pub fn without_projection(mut self) -> Self {
        self.projection = None;
        self
    }

    /// Width of the features.
    pub(super) fn feature_width(&self) -> usize {
        self.projection.unwrap_or(self.width)
    }
}

impl EncoderConfig for VitConfig {
    type Encoder = Vit;

    fn init(&self, device: &Device) -> Result<Vit, ConfigError> {
        let within = |field, value: usize, most: usize, expected| {
            ConfigError::check((1..=most).contains(&value), field, value as f64, expected)
        };
        within("patch", self.patch, 1024, "1 to 1024 pixels")?;
        for side in self.input_size {
            within("input_size", side, 16_384, "1 to 16384 pixels")?;
            let whole = side.is_multiple_of(self.patch);
            let expected = "a multiple of the patch";
            ConfigError::check(whole, "input_size", side as f64, expected)?;
        }
        within("width", self.width, 16_384, "1 to 16384 channels")?;
        within("depth", self.depth, 1000, "1 to 1000 blocks")?;
        within("heads", self.heads, self.width, "1 to the width")?;
        let even = self.width.is_multiple_of(self.heads);
        ConfigError::check(even, "heads", self.heads as f64, "a divisor of the width")?;
        within("hidden", self.hidden, 1 << 20, "1 to 1048576 channels")?;
        for side in self.position_grid {
            within("position_grid", side, 4096, "1 to 4096 positions")?;
        }
        if self.registers > 0 {
            within("registers", self.registers, 1024, "0 to 1024 tokens")?;
        }
        if let Some(width) = self.projection {
            within("projection", width, 65_536, "1 to 65536 channels")?;
        }
        let positive = self.epsilon.is_finite() && self.epsilon > 0.0;
        ConfigError::check(positive, "epsilon", self.epsilon, "above 0")?;
        let offset = self.position_resize.offset;
        let sensible = (0.0..1.0).contains(&offset);
        ConfigError::check(sensible, "position_resize.offset", offset, "0 to below 1")?;
        Ok(Vit::new(self, device))
    }

    fn check_input(&self, width: usize, height: usize) -> Result<(), ConfigError> {
        let [rows, columns] = self.input_size;
        if [height, width] == self.input_size {
            return Ok(());
        }
        Err(ConfigError::InputSize {
            expected: format!("{columns} x {rows}"),
            width,
            height,
        })
    }
}
