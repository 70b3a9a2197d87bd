//! An encoder with a pooling after it.

use burn::module::Module;
use geoloc_core::{Encoder, EncoderParts, FeatureSpec, Features};

use super::Pooling;
use super::norms::unit;

/// An encoder whose pooled features come from a [`Pooling`] over its tokens.
#[derive(Module, Debug)]
pub struct Pooled<E: Module, P: Module> {
    /// What gives the tokens.
    pub encoder: E,
    /// What makes one vector of them.
    pub pooling: P,
    #[module(skip)]
    normalise: bool,
}

impl<E: Encoder, P: Pooling> Pooled<E, P> {
    /// Joins encoder and pooling; `normalise` scales the result to length 1.
    pub fn new(encoder: E, pooling: P, normalise: bool) -> Self {
        Self {
            encoder,
            pooling,
            normalise,
        }
    }

    /// The same pooling after another encoder, whose features must have the width that the pooling
    /// was built for: with a [`Precomputed`](crate::feature_file::Precomputed) it is trained on tokens
    /// that were computed once.
    #[must_use]
    pub fn after<F: Encoder>(&self, encoder: F) -> Pooled<F, P> {
        Pooled::new(encoder, self.pooling.clone(), self.normalise)
    }
}

impl<E: Encoder, P: Pooling> Encoder for Pooled<E, P> {
    type Input = E::Input;

    /// # Shapes
    ///
    /// The encoder's input to pooled features `[batch, width of the pooling]`, without tokens.
    fn encode(&self, input: Self::Input) -> Features {
        let pooled = self.pooling.pool(self.encoder.encode(input));
        Features::pooled(if self.normalise { unit(pooled) } else { pooled })
    }

    fn spec(&self) -> FeatureSpec {
        FeatureSpec::pooled(self.pooling.width())
    }

    fn for_inference(mut self) -> Self {
        self.encoder = self.encoder.for_inference();
        self
    }

    fn parts(&self) -> EncoderParts {
        self.encoder.parts().under("encoder")
    }
}
