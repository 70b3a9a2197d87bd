//! Losses over embeddings: of one branch, of two, and beside another task.

use geoloc::burn::tensor::{Int, Tensor};
use geoloc::core::{CellLogits, Embedding, Loss, PairEmbeddings, TwoTasks};
use geoloc::losses::{
    CrossEntropy, DecoupledInfoNce, InfoNce, MilNce, MultiSimilarity, PairMask, PairRelations,
    SoftMarginTriplet, UncertaintyWeighted, WeightedSum,
};

/// Cells and embeddings of the same photos.
pub(crate) type CellsAndEmbedding = TwoTasks<CellLogits, Embedding>;

/// Called with every loss over embeddings.
pub(crate) trait VisitEmbedding {
    /// Photos of the same place are near each other.
    fn embedding<L: Loss<Embedding, Target = PairRelations>>(&mut self, name: &str, loss: L);

    /// A photo is near the tile of its place.
    fn pairs<L: Loss<PairEmbeddings, Target = PairMask>>(&mut self, name: &str, loss: L);

    /// Cells and embeddings at once.
    fn two_tasks<L>(&mut self, name: &str, loss: L)
    where
        L: Loss<CellsAndEmbedding, Target = (Tensor<1, Int>, PairRelations)>;
}

pub(crate) fn embeddings(visit: &mut impl VisitEmbedding) {
    visit.embedding("multi-similarity", MultiSimilarity::default());
    visit.embedding("MIL-NCE", MilNce::default());
}

pub(crate) fn pairs(visit: &mut impl VisitEmbedding) {
    visit.pairs("InfoNCE", InfoNce::default());
    let smoothed = InfoNce {
        label_smoothing: 0.1,
    };
    visit.pairs("InfoNCE, smoothed", smoothed);
    let decoupled = DecoupledInfoNce {
        label_smoothing: 0.1,
    };
    visit.pairs("decoupled InfoNCE", decoupled);
    visit.pairs("soft-margin triplet", SoftMarginTriplet::default());
}

pub(crate) fn two_tasks(visit: &mut impl VisitEmbedding) {
    let uncertain = UncertaintyWeighted {
        first: CrossEntropy::default(),
        second: MultiSimilarity::default(),
    };
    visit.two_tasks("uncertainty-weighted", uncertain);
    let weighted = WeightedSum {
        first: CrossEntropy::default(),
        second: MilNce::default(),
        weights: [1.0, 0.5],
    };
    visit.two_tasks("weighted sum", weighted);
}
