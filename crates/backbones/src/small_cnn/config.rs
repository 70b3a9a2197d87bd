//! Configuration of the small encoder.

use burn::tensor::Device;
use geoloc_core::{ConfigError, EncoderConfig};
use serde::{Deserialize, Serialize};

use super::SmallCnn;

/// Configuration of a [`SmallCnn`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmallCnnConfig {
    /// Side of the square input in pixels; a multiple of 2 to the number of stages.
    pub input_size: usize,
    /// Output channels of each stage; every stage halves the resolution.
    pub channels: Vec<usize>,
}

impl EncoderConfig for SmallCnnConfig {
    type Encoder = SmallCnn;

    fn init(&self, device: &Device) -> Result<SmallCnn, ConfigError> {
        let stages = self.channels.len();
        ConfigError::check(
            (1..=8).contains(&stages),
            "channels.len()",
            stages as f64,
            "1 to 8 stages",
        )?;
        for &channels in &self.channels {
            ConfigError::check(
                (1..=4096).contains(&channels),
                "channels",
                channels as f64,
                "1 to 4096 channels",
            )?;
        }
        let multiple = 1 << stages;
        ConfigError::check(
            self.input_size > 0 && self.input_size.is_multiple_of(multiple),
            "input_size",
            self.input_size as f64,
            "a multiple of 2 to the number of stages",
        )?;
        Ok(SmallCnn::new(
            &self.channels,
            self.input_size >> stages,
            device,
        ))
    }

    fn check_input(&self, width: usize, height: usize) -> Result<(), ConfigError> {
        if (width, height) == (self.input_size, self.input_size) {
            return Ok(());
        }
        Err(ConfigError::InputSize {
            expected: format!("{0} x {0}", self.input_size),
            width,
            height,
        })
    }
}
