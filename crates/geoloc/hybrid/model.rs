//! Two encoders and a table of prototypes as one module.

use std::fmt::Debug;

use burn::module::{Module, Param};
use burn::tensor::{Device, Distribution, Tensor};

use crate::core::{
    Embedding, Encoder, Head, Learner, Loss, PairBatch, TriangleEmbeddings, TwoBranch,
};

/// Query and aerial branch with separate weights, and one prototype per cell with ground photos.
///
/// The table is part of the module and trained exactly: every prototype takes part in every step.
/// That suits tables up to some ten thousand cells.
#[derive(Module, Debug)]
pub struct HybridModel<E: Module, H: Module> {
    /// The encoders.
    pub branches: TwoBranch<E, H>,
    /// The prototypes before normalisation, `[cells, dim]`.
    pub prototypes: Param<Tensor<2>>,
}

impl<E: Encoder, H: Head<Output = Embedding>> HybridModel<E, H> {
    /// Adds random prototypes of about unit length to two branches whose embeddings have `dim`
    /// values.
    pub fn new(branches: TwoBranch<E, H>, cells: usize, dim: usize, device: &Device) -> Self {
        let spread = 1.0 / (dim.max(1) as f64).sqrt();
        let table = Tensor::random([cells, dim], Distribution::Normal(0.0, spread), device);
        Self {
            branches,
            prototypes: Param::from_tensor(table),
        }
    }

    /// Embeds photos and their aerial tiles; the prototypes come with them.
    pub fn forward(&self, query: E::Input, aerial: E::Input) -> TriangleEmbeddings {
        let pair = self.branches.forward(query, aerial);
        TriangleEmbeddings {
            query: pair.query,
            aerial: pair.aerial,
            prototypes: self.unit_prototypes(),
            scale: pair.scale,
        }
    }

    /// The prototypes as unit vectors, `[cells, dim]`.
    pub fn unit_prototypes(&self) -> Tensor<2> {
        let table = self.prototypes.val();
        let length = table
            .clone()
            .powi_scalar(2)
            .sum_dim(1)
            .add_scalar(1e-12)
            .sqrt();
        table / length
    }
}

/// A [`HybridModel`] with a loss over its triangle.
#[derive(Module, Debug)]
pub struct HybridTraining<E: Module, H: Module, L: Clone + Debug + Send> {
    /// What is trained.
    pub model: HybridModel<E, H>,
    /// What it is trained for.
    #[module(skip)]
    pub criterion: L,
}

impl<E, H, L> Learner for HybridTraining<E, H, L>
where
    E: Encoder,
    H: Head<Output = Embedding>,
    L: Loss<TriangleEmbeddings>,
{
    type Batch = PairBatch<E::Input, L::Target>;

    fn loss(&self, batch: Self::Batch) -> Tensor<1> {
        let output = self.model.forward(batch.query, batch.aerial);
        self.criterion.forward(&output, &batch.target)
    }
    fn constrain(mut self) -> Self {
        self.model.branches = self.model.branches.limited();
        self
    }
}
