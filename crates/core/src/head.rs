//! From features to a statement about places.

use burn::module::{Module, ModuleDisplay};

use crate::Features;

/// A network that turns [`Features`] into an output: logits over cells, an embedding, a mixture.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a head: it cannot read `Features`",
    note = "implement `geoloc::Head` for it"
)]
pub trait Head: Module + ModuleDisplay + Sync {
    /// One named type per family, so that losses and decoders that do not fit do not compile.
    type Output: Clone + Send + 'static;

    /// Computes the output of a batch.
    ///
    /// # Panics
    ///
    /// Burn panics if the features do not have the width that the head was built for.
    fn forward(&self, features: Features) -> Self::Output;
    /// Brings parameters back into their range after an optimiser step, such as a learned scale to
    /// its limit. Heads without such parameters need not implement it.
    #[must_use]
    fn constrain(self) -> Self {
        self
    }
}
