//! From images, or from anything else, to features.

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;

use crate::{EncoderParts, FeatureSpec, Features};

/// A network that turns its input into [`Features`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an encoder: it cannot produce `Features`",
    note = "implement `geoloc::Encoder` for it"
)]
pub trait Encoder: Module + ModuleDisplay + Sync {
    /// What it reads: images `[batch, 3, height, width]` for a [`Backbone`], features when they
    /// were computed before.
    type Input: Clone + Send + 'static;

    /// Encodes a batch.
    ///
    /// # Panics
    ///
    /// Burn panics if the input does not have the shape that the encoder was built for.
    fn encode(&self, input: Self::Input) -> Features;

    /// The shape of what [`encode`](Self::encode) returns.
    fn spec(&self) -> FeatureSpec;

    /// The same encoder in a form that is only good for encoding, where there is a faster one: batch
    /// norms folded into convolutions, for instance. Results differ by rounding. Not to be trained,
    /// saved or loaded into; put it into inference mode first.
    #[must_use]
    fn for_inference(self) -> Self {
        self
    }

    /// Names of its parts from the input to the output, to train only the last of them; none if it
    /// does not name them.
    fn parts(&self) -> EncoderParts {
        EncoderParts::default()
    }
}

/// An encoder of images `[batch, 3, height, width]`.
pub trait Backbone: Encoder<Input = Tensor<4>> {}

impl<E: Encoder<Input = Tensor<4>>> Backbone for E {}
