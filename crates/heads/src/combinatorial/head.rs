//! The geoclass head.

use burn::module::Module;
use geoloc_core::{Features, GeoclassLogits, Head};

use crate::several::SeveralLinear;

/// Dropout and one linear layer a geoclass set.
#[derive(Module, Debug)]
pub struct GeoclassHead {
    pub(super) sets: SeveralLinear,
}

impl Head for GeoclassHead {
    type Output = GeoclassLogits;

    /// # Shapes
    ///
    /// Features `[batch, width]` to logits `[batch, classes]` for each set.
    fn forward(&self, features: Features) -> GeoclassLogits {
        GeoclassLogits(self.sets.forward(features))
    }
}
