//! The cosine head.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use geoloc_core::{CosineLogits, Features, Head};

use crate::unit::unit;

/// One prototype a cell; both features and prototypes are scaled to unit length.
#[derive(Module, Debug)]
pub struct CosineHead {
    /// `[cells, width]`.
    pub(super) prototypes: Param<Tensor<2>>,
    /// `[1]`, saved but not trained.
    pub(super) scale: Param<Tensor<1>>,
}

impl Head for CosineHead {
    type Output = CosineLogits;

    /// # Shapes
    ///
    /// Features `[batch, width]` to cosines `[batch, cells]`.
    fn forward(&self, features: Features) -> CosineLogits {
        let prototypes = unit(self.prototypes.val(), 1);
        CosineLogits {
            cosine: unit(features.pooled, 1).matmul(prototypes.transpose()),
            scale: self.scale.val(),
        }
    }
}
