//! A model with its loss: all that the trainer knows.

use std::fmt::Debug;

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;

use crate::{
    Embedding, Encoder, GeoBatch, GeoModel, Head, Loss, PairBatch, PairEmbeddings, TwoBranch,
};

/// What the trainer trains: parameters, and a loss on a batch.
pub trait Learner: Module + ModuleDisplay {
    /// What one step reads.
    type Batch: Send + 'static;

    /// The mean loss of a batch, `[1]`.
    fn loss(&self, batch: Self::Batch) -> Tensor<1>;

    /// Brings parameters back into their range; the trainer calls it after each optimiser step.
    #[must_use]
    fn constrain(self) -> Self {
        self
    }
}

/// A [`GeoModel`] with a loss.
///
/// Save `training.model`, never `training`: the wrapper would become part of every parameter name.
#[derive(Module, Debug)]
pub struct Training<E: Module, H: Module, L: Clone + Debug + Send> {
    /// What is trained.
    pub model: GeoModel<E, H>,
    /// What it is trained for.
    #[module(skip)]
    pub criterion: L,
}

impl<E: Encoder, H: Head, L: Loss<H::Output>> Learner for Training<E, H, L> {
    type Batch = GeoBatch<E::Input, L::Target>;

    fn loss(&self, batch: Self::Batch) -> Tensor<1> {
        let output = self.model.forward(batch.input);
        self.criterion.forward(&output, &batch.target)
    }

    fn constrain(mut self) -> Self {
        self.model.head = self.model.head.constrain();
        self
    }
}

/// A [`TwoBranch`] model with a loss over pairs.
#[derive(Module, Debug)]
pub struct PairTraining<E: Module, H: Module, L: Clone + Debug + Send> {
    /// What is trained.
    pub model: TwoBranch<E, H>,
    /// What it is trained for.
    #[module(skip)]
    pub criterion: L,
}

impl<E, H, L> Learner for PairTraining<E, H, L>
where
    E: Encoder,
    H: Head<Output = Embedding>,
    L: Loss<PairEmbeddings>,
{
    type Batch = PairBatch<E::Input, L::Target>;

    fn loss(&self, batch: Self::Batch) -> Tensor<1> {
        let output = self.model.forward(batch.query, batch.aerial);
        self.criterion.forward(&output, &batch.target)
    }

    fn constrain(mut self) -> Self {
        self.model = self.model.limited();
        self
    }
}
