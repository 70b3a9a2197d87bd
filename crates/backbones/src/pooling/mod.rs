//! From the local vectors of an encoder to one vector per image.
//!
//! [`Pooled`] puts a [`Pooling`] after any encoder and is an encoder itself; [`PooledConfig`] builds
//! it. [`Whitening`] is fitted on features, or learned from pairs of the same place, and applied after.
//!
//! | [`PoolingConfig`] | width for tokens of width `d` | learned |
//! |---|---|---|
//! | `Class` | that of the pooled features | nothing |
//! | `Average` | `d` | nothing |
//! | `Gem` | `d` | the exponent |
//! | `NetVlad` | `clusters * d` | centres and assignment |
//! | `Salad` | `clusters * cluster_width + global_width` | three small networks, the score of the dustbin |
//! | `SpatialSoftmax` | `width` | attention and values |

mod any;
mod config;
mod eigen;
mod encoder;
mod gem;
mod netvlad;
mod norms;
mod pair_whitening;
mod salad;
mod spatial_softmax;
mod whitening;

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;
use geoloc_core::Features;

pub use any::AnyPooling;
pub use config::{PooledConfig, PoolingConfig};
pub use encoder::Pooled;
pub use gem::Gem;
pub use netvlad::{NetVlad, NetVladConfig};
pub use salad::{Salad, SaladConfig};
pub use spatial_softmax::{SpatialSoftmax, SpatialSoftmaxConfig};
pub use whitening::{Whitening, WhiteningError};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod whitening_tests;

/// Makes one vector of the features of an image.
pub trait Pooling: Module + ModuleDisplay + Sync {
    /// `[batch, width]`; features without tokens count as a single token.
    ///
    /// # Panics
    ///
    /// Burn panics if the features do not have the width that the pooling was built for.
    fn pool(&self, features: Features) -> Tensor<2>;

    /// Length of the result.
    fn width(&self) -> usize;
}

/// The tokens `[batch, tokens, width]`, or the pooled vector as the only one.
fn tokens_of(features: Features) -> Tensor<3> {
    match features.tokens {
        Some(tokens) => tokens,
        None => features.pooled.unsqueeze_dim(1),
    }
}
