//! Residual networks with the parameter names of torchvision.
//!
//! He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition" (CVPR 2016), table 1; as
//! in torchvision the bottleneck has its stride in the 3 x 3 convolution ("v1.5").
//!
//! | name in torchvision | name here |
//! |---|---|
//! | `conv1`, `bn1`, `layer1.0.conv1`, `layer4.1.bn2`, `fc` | the same |
//! | `layer2.0.downsample.0` | `layer2.0.downsample.conv` |
//! | `layer2.0.downsample.1` | `layer2.0.downsample.bn` |
//! | `*.num_batches_tracked` | set aside |

mod block;
mod config;
mod encoder;
mod stem_pool;

pub use config::{ResNetBlock, ResNetConfig};
pub use encoder::ResNet;

#[cfg(test)]
mod tests;
