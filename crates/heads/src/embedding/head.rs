//! The embedding head.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use geoloc_core::{Embedding, Features, Head};

/// Projects features and scales them to unit length.
#[derive(Module, Debug)]
pub struct EmbeddingHead {
    pub(super) projection: Linear,
}

impl Head for EmbeddingHead {
    type Output = Embedding;

    /// # Shapes
    ///
    /// Features `[batch, width]` to an embedding `[batch, dim]` of unit rows.
    fn forward(&self, features: Features) -> Embedding {
        Embedding(l2_normalize(self.projection.forward(features.pooled)))
    }
}

/// Divides every row of `[batch, dim]` by its length; a zero row stays zero.
fn l2_normalize(x: Tensor<2>) -> Tensor<2> {
    let length = x.clone().powi_scalar(2).sum_dim(1).add_scalar(1e-12).sqrt();
    x / length
}
