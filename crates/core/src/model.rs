//! Encoder and head as one module, and the two-branch model.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use crate::{Embedding, Encoder, Head, PairEmbeddings};

/// An encoder with a head.
#[derive(Module, Debug)]
pub struct GeoModel<E: Module, H: Module> {
    /// From input to features.
    pub encoder: E,
    /// From features to output.
    pub head: H,
}

impl<E: Encoder, H: Head> GeoModel<E, H> {
    /// Encodes a batch and applies the head.
    pub fn forward(&self, input: E::Input) -> H::Output {
        self.head.forward(self.encoder.encode(input))
    }
}

/// Two models of the same architecture with separate weights, for pictures of the same place from
/// two points of view, and the learned scale of their cosine.
#[derive(Module, Debug)]
pub struct TwoBranch<E: Module, H: Module> {
    /// Reads the photo.
    pub query: GeoModel<E, H>,
    /// Reads the aerial tile.
    pub aerial: GeoModel<E, H>,
    /// Natural logarithm of the factor on the cosine, `[1]`.
    pub log_scale: Param<Tensor<1>>,
}

impl<E: Encoder, H: Head<Output = Embedding>> TwoBranch<E, H> {
    /// Joins two branches; the cosine starts with factor `scale`.
    pub fn new(query: GeoModel<E, H>, aerial: GeoModel<E, H>, scale: f64, device: &Device) -> Self {
        let log_scale = Tensor::full([1], scale.ln(), device);
        Self {
            query,
            aerial,
            log_scale: Param::from_tensor(log_scale),
        }
    }

    /// Embeds both sides of a batch of pairs.
    pub fn forward(&self, query: E::Input, aerial: E::Input) -> PairEmbeddings {
        PairEmbeddings {
            query: self.query.forward(query).0,
            aerial: self.aerial.forward(aerial).0,
            scale: self.log_scale.val().exp(),
        }
    }

    /// The model with [`limit_log_scale`] applied.
    #[must_use]
    pub fn limited(self) -> Self {
        Self {
            log_scale: limit_log_scale(self.log_scale),
            ..self
        }
    }
}

/// The learned factor on a cosine never exceeds this (Radford et al. 2021, section 2.5).
pub const MAX_SCALE: f64 = 100.0;

/// Sets the logarithm of a factor that is above that of [`MAX_SCALE`] back to it.
///
/// The parameter itself is limited, after each optimiser step, as CLIP does. A limit in the forward
/// pass has no gradient above it, so that a factor that once overshoots never comes back.
#[must_use]
pub fn limit_log_scale(log_scale: Param<Tensor<1>>) -> Param<Tensor<1>> {
    let tracked = log_scale.is_require_grad();
    log_scale.map(|x| {
        let limited = x.clamp_max(MAX_SCALE.ln());
        limited.detach().set_require_grad(tracked)
    })
}
