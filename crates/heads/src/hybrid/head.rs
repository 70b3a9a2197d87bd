//! The hybrid head.

use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::activation::tanh;
use geoloc_core::{CellFrames, CellOffsets, Features, Head};

/// Dropout, then one linear layer to a logit per cell and one to an offset per cell,
/// `1.2 · tanh(·)` in units of the reach of the cell.
#[derive(Module, Debug)]
pub struct HybridHead {
    pub(super) dropout: Dropout,
    pub(super) cells: Linear,
    pub(super) offsets: Linear,
}

impl Head for HybridHead {
    type Output = CellOffsets;

    /// # Shapes
    ///
    /// Features `[batch, width]` to logits `[batch, cells]` and offsets `[batch, cells, 2]`.
    fn forward(&self, features: Features) -> CellOffsets {
        let x = self.dropout.forward(features.pooled);
        let logits = self.cells.forward(x.clone());
        let [batch, cells] = logits.dims();
        let offsets = tanh(self.offsets.forward(x)) * CellFrames::LIMIT;
        let [_, numbers] = offsets.dims();
        let offsets = offsets.reshape([batch, numbers / 2, 2]);
        let offsets = if numbers / 2 == cells {
            offsets
        } else {
            offsets.repeat_dim(1, cells)
        };
        CellOffsets { logits, offsets }
    }
}
