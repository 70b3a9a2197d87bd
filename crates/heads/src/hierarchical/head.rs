//! The hierarchical head.

use burn::module::Module;
use geoloc_core::{Features, Head, HierarchicalLogits};

use crate::several::SeveralLinear;

/// Dropout and one linear layer a level.
#[derive(Module, Debug)]
pub struct HierarchicalHead {
    pub(super) levels: SeveralLinear,
}

impl Head for HierarchicalHead {
    type Output = HierarchicalLogits;

    /// # Shapes
    ///
    /// Features `[batch, width]` to logits `[batch, cells]` for each level, coarsest first.
    fn forward(&self, features: Features) -> HierarchicalLogits {
        HierarchicalLogits(self.levels.forward(features))
    }
}
