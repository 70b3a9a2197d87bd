//! Configuration of the flow head.

use burn::nn::LinearConfig;
use burn::tensor::Device;
use geoloc_core::{ConfigError, FeatureSpec, HeadConfig};
use serde::{Deserialize, Serialize};

use super::blocks::{Block, FREQUENCIES, FlowNetwork, zeroed};
use super::head::FlowHead;

/// Configuration of a [`FlowHead`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlowHeadConfig {
    /// Number of residual blocks.
    pub blocks: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Width of the hidden layer of a block, in widths of the stream.
    pub expansion: usize,
}

impl Default for FlowHeadConfig {
    /// 12 blocks of width 512 and expansion 4, as published.
    fn default() -> Self {
        Self {
            blocks: 12,
            width: 512,
            expansion: 4,
        }
    }
}

impl HeadConfig for FlowHeadConfig {
    type Head = FlowHead;

    fn init(&self, features: &FeatureSpec, device: &Device) -> Result<FlowHead, ConfigError> {
        let at_least_1 = [
            ("blocks", self.blocks),
            ("width", self.width),
            ("expansion", self.expansion),
        ];
        for (field, value) in at_least_1 {
            ConfigError::check(value > 0, field, value as f64, "at least 1")?;
        }
        let linear = |from, to| LinearConfig::new(from, to).init(device);
        let width = self.width;
        let block = |_| Block {
            modulation: zeroed(width, 3 * width, device),
            hidden: linear(width, self.expansion * width),
            output: linear(self.expansion * width, width),
        };
        Ok(FlowHead {
            network: FlowNetwork {
                point: linear(3, width),
                condition: linear(features.width, width),
                progress: linear(2 * FREQUENCIES, width),
                progress_output: linear(width, width),
                blocks: (0..self.blocks).map(block).collect(),
                modulation: zeroed(width, 2 * width, device),
                output: linear(width, 3),
            },
        })
    }
}
