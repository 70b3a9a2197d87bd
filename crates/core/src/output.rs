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

/// Images and places in one space; place `i` belongs to image `i`, and further places follow.
#[derive(Clone, Debug)]
pub struct PlaceEmbeddings {
    /// L2-normalised image vectors, `[batch, dim]`.
    pub image: Tensor<2>,
    /// L2-normalised place vectors, `[places, dim]`, at least as many as images.
    pub places: Tensor<2>,
    /// What the cosine is multiplied by before the softmax, `[1]`, positive.
    pub scale: Tensor<1>,
}

/// The three corners of a hybrid model on a batch (Lindenberger et al. 2025): photos, the aerial
/// tiles of their cells row by row, and the prototypes of all cells that have one.
#[derive(Clone, Debug)]
pub struct TriangleEmbeddings {
    /// L2-normalised photo vectors, `[batch, dim]`.
    pub query: Tensor<2>,
    /// L2-normalised vectors of the aerial tiles, `[batch, dim]`.
    pub aerial: Tensor<2>,
    /// L2-normalised prototypes, `[cells, dim]`.
    pub prototypes: Tensor<2>,
    /// What cosines are multiplied by before a softmax, `[1]`, positive.
    pub scale: Tensor<1>,
}

/// Cosines between a feature and the prototype of each cell, and what they are multiplied by.
#[derive(Clone, Debug)]
pub struct CosineLogits {
    /// Cosines, `[batch, cells]`, in [-1, 1].
    pub cosine: Tensor<2>,
    /// The factor before the softmax, `[1]`, positive.
    pub scale: Tensor<1>,
}

impl CosineLogits {
    /// Scale times cosine: the logits without a margin, `[batch, cells]`.
    #[must_use]
    pub fn logits(&self) -> CellLogits {
        CellLogits(self.cosine.clone() * self.scale.clone().unsqueeze::<2>())
    }
}

/// Logits over nested partitions, coarsest first, each `[batch, cells of the level]`.
#[derive(Clone, Debug)]
pub struct HierarchicalLogits(pub Vec<Tensor<2>>);

/// Logits over several class sets that overlap, each `[batch, classes of the set]`.
#[derive(Clone, Debug)]
pub struct GeoclassLogits(pub Vec<Tensor<2>>);

/// Latitude and longitude scaled linearly, `[batch, 2]`: -90 and -180 degrees are 0, 90 and 180
/// degrees are 1. Numbers beyond stand for places too, around the world or over a pole. The two
/// sides of the antimeridian have outputs far apart; prefer [`Directions`].
#[derive(Clone, Debug)]
pub struct ScaledCoordinates(pub Tensor<2>);

/// Unit vectors (cos φ cos λ, cos φ sin λ, sin φ), `[batch, 3]`.
#[derive(Clone, Debug)]
pub struct Directions(pub Tensor<2>);

/// Logits over cells and, for each cell, an offset from its place.
#[derive(Clone, Debug)]
pub struct CellOffsets {
    /// Unnormalised log-probabilities, `[batch, cells]`.
    pub logits: Tensor<2>,
    /// East and north in units of the reach of the cell (see [`CellFrames`](crate::CellFrames)),
    /// `[batch, cells, 2]`.
    pub offsets: Tensor<3>,
}

/// A mixture of von Mises-Fisher densities on the sphere.
#[derive(Clone, Debug)]
pub struct SphericalMixture {
    /// Logarithms of the weights, `[batch, components]`; the weights of a row sum to 1.
    pub log_weights: Tensor<2>,
    /// Mean directions, `[batch, components, 3]`, of unit length.
    pub means: Tensor<3>,
    /// Concentrations κ, `[batch, components]`, positive.
    pub kappas: Tensor<2>,
}

/// The outputs of two heads on the same features, and how uncertain the model is of each task.
#[derive(Clone, Debug)]
pub struct TwoTasks<A, B> {
    /// Output of the first head.
    pub first: A,
    /// Output of the second head.
    pub second: B,
    /// Learned logarithms of the variance of each task, `[2]`.
    pub log_variances: Tensor<1>,
}

/// The outputs of one expert a scene, all for the same items, and what scene each item shows.
#[derive(Clone, Debug)]
pub struct SceneExperts<O> {
    /// Unnormalised log-probabilities of the scenes, `[batch, scenes]`.
    pub scenes: CellLogits,
    /// One output a scene.
    pub experts: Vec<O>,
}
