//! The pooling of a configuration.

use burn::module::Module;
use burn::tensor::Tensor;
use geoloc_core::Features;

use super::{Gem, NetVlad, Pooling, Salad, SpatialSoftmax, tokens_of};

/// The pooled features as they are, or the mean of the tokens.
#[derive(Module, Debug)]
pub struct Plain {
    #[module(skip)]
    pub(super) width: usize,
    #[module(skip)]
    pub(super) average: bool,
}

impl Pooling for Plain {
    fn pool(&self, features: Features) -> Tensor<2> {
        if self.average {
            tokens_of(features).mean_dim(1).squeeze_dim(1)
        } else {
            features.pooled
        }
    }

    fn width(&self) -> usize {
        self.width
    }
}

/// Any [`Pooling`] of this library.
#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a model has one, whose tensors are elsewhere"
)]
pub enum AnyPooling {
    /// The pooled features, or the mean of the tokens.
    Plain(Plain),
    /// [`Gem`].
    Gem(Gem),
    /// [`NetVlad`].
    NetVlad(NetVlad),
    /// [`Salad`].
    Salad(Salad),
    /// [`SpatialSoftmax`].
    SpatialSoftmax(SpatialSoftmax),
}

impl Pooling for AnyPooling {
    fn pool(&self, features: Features) -> Tensor<2> {
        match self {
            Self::Plain(pooling) => pooling.pool(features),
            Self::Gem(pooling) => pooling.pool(features),
            Self::NetVlad(pooling) => pooling.pool(features),
            Self::Salad(pooling) => pooling.pool(features),
            Self::SpatialSoftmax(pooling) => pooling.pool(features),
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Plain(pooling) => pooling.width(),
            Self::Gem(pooling) => pooling.width(),
            Self::NetVlad(pooling) => pooling.width(),
            Self::Salad(pooling) => pooling.width(),
            Self::SpatialSoftmax(pooling) => pooling.width(),
        }
    }
}
