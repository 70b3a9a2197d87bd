//! The cell head.

use burn::module::Module;
use burn::nn::{Dropout, Linear};
use geoloc_core::{CellLogits, Features, Head};

/// Dropout and one linear layer to a logit per cell.
#[derive(Module, Debug)]
pub struct CellHead {
    pub(super) dropout: Dropout,
    pub(super) linear: Linear,
}

impl Head for CellHead {
    type Output = CellLogits;

    /// # Shapes
    ///
    /// Features `[batch, width]` to logits `[batch, cells]`.
    fn forward(&self, features: Features) -> CellLogits {
        CellLogits(self.linear.forward(self.dropout.forward(features.pooled)))
    }
}
