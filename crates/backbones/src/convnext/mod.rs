//! `ConvNeXt` with the parameter names of timm.
//!
//! Liu et al., "A `ConvNet` for the 2020s" (CVPR 2022), section 2 and table 9.
//!
//! | name in timm | name here | name in torchvision |
//! |---|---|---|
//! | `stem.0`, `stem.1` | `stem.conv`, `stem.norm` | `features.0.0`, `features.0.1` |
//! | `stages.1.downsample.0`, `.1` | `stages.1.downsample.norm`, `.conv` | `features.2.0`, `.1` |
//! | `stages.1.blocks.0.conv_dw` | the same | `features.3.0.block.0` |
//! | `stages.1.blocks.0.norm` | the same | `features.3.0.block.2` |
//! | `stages.1.blocks.0.mlp.fc1`, `fc2` | the same | `features.3.0.block.3`, `block.5` |
//! | `stages.1.blocks.0.gamma` | the same | `features.3.0.layer_scale`, `[channels, 1, 1]` |
//! | `head.norm`, `head.fc` | the same | `classifier.0`, `classifier.2` |

mod block;
mod config;
mod encoder;

pub use config::ConvNextConfig;
pub use encoder::ConvNext;

#[cfg(test)]
mod tests;
