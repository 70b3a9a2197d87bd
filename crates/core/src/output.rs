//! The outputs of heads, one named type per family.

use burn::tensor::Tensor;

/// Unnormalised log-probabilities over the cells of a partition, `[batch, cells]`.
#[derive(Clone, Debug)]
pub struct CellLogits(pub Tensor<2>);

/// L2-normalised vectors for retrieval, `[batch, dim]`.
#[derive(Clone, Debug)]
pub struct Embedding(pub Tensor<2>);

/// Both sides of a two-branch model on a batch of pairs; row `i` of one side belongs to row `i` of
/// the other.
#[derive(Clone, Debug)]
pub struct PairEmbeddings {
    /// L2-normalised query vectors, `[batch, dim]`.
    pub query: Tensor<2>,
    /// L2-normalised aerial vectors, `[batch, dim]`.
    pub aerial: Tensor<2>,
    /// What the cosine is multiplied by before the softmax, `[1]`, positive.
    pub scale: Tensor<1>,
}
