//! The loss of the hybrid model: every two of photo, aerial tile and prototype attract each other.

mod relations;

pub use relations::{CrossRelations, TriangleRelations, TriangleTargets};

use burn::tensor::Tensor;
use geoloc_core::{Loss, TriangleEmbeddings};

use crate::log_sum_exp::{EXCLUDED, log_sum_exp, mean_of};
use crate::{MultiSimilarity, PairRelations};

/// What one edge of the triangle is trained with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EdgeLoss {
    /// [`MultiSimilarity`] with the rows as anchors; weights of positives enter their sum.
    MultiSimilarity(MultiSimilarity),
    /// Cross-entropy of `scale · cosine` against the positives of the row in proportion to their
    /// weights: `InfoNCE` where there is one.
    InfoNce,
}

/// The triangular loss (Lindenberger et al. 2025): photo to prototype, photo to aerial tile, aerial
/// tile to prototype.
///
/// Photo and tile are compared in both directions, and the mean is taken; against prototypes, photos
/// and tiles are the anchors. A row without a positive (a place without a prototype) takes no
/// part in an edge. The paper trains every edge with the multi-similarity loss; the weights of its
/// edges are not known, 1 each is our choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Triangular {
    /// Weight of photo to prototype.
    pub ground_prototype: f64,
    /// Weight of photo to aerial tile.
    pub ground_aerial: f64,
    /// Weight of aerial tile to prototype.
    pub aerial_prototype: f64,
    /// The loss of every edge.
    pub edge: EdgeLoss,
}

impl Default for Triangular {
    fn default() -> Self {
        Self {
            ground_prototype: 1.0,
            ground_aerial: 1.0,
            aerial_prototype: 1.0,
            edge: EdgeLoss::MultiSimilarity(MultiSimilarity::default()),
        }
    }
}

impl Loss<TriangleEmbeddings> for Triangular {
    type Target = TriangleRelations;

    fn forward(&self, output: &TriangleEmbeddings, target: &TriangleRelations) -> Tensor<1> {
        let scale = &output.scale;
        let cosine = |a: &Tensor<2>, b: &Tensor<2>| a.clone().matmul(b.clone().transpose());
        let pairs = cosine(&output.query, &output.aerial);
        let back = target.ground_aerial.transpose();
        let pairs = (self
            .edge
            .forward(pairs.clone(), scale, &target.ground_aerial)
            + self.edge.forward(pairs.transpose(), scale, &back))
            * 0.5;
        let mut loss = pairs * self.ground_aerial;
        for (weight, rows) in [
            (self.ground_prototype, &output.query),
            (self.aerial_prototype, &output.aerial),
        ] {
            if weight != 0.0 {
                let cosines = cosine(rows, &output.prototypes);
                loss = loss + self.edge.forward(cosines, scale, &target.prototypes) * weight;
            }
        }
        loss
    }
}

impl EdgeLoss {
    /// The mean over the rows of `cosine` that have a positive, `[1]`; 0 if none has.
    fn forward(
        self,
        cosine: Tensor<2>,
        scale: &Tensor<1>,
        relations: &CrossRelations,
    ) -> Tensor<1> {
        let weights = relations.weights.clone();
        let positive = weights.clone().greater_scalar(0.0);
        let lone = positive.clone().bool_not().all_dim(1);
        let terms = match self {
            Self::MultiSimilarity(loss) => {
                let pairs = PairRelations {
                    positive,
                    negative: relations.negative.clone(),
                };
                loss.anchors(cosine, &pairs, Some(weights.clamp_min(1e-30).log()))
            }
            Self::InfoNce => {
                let logits = cosine * scale.clone().unsqueeze::<2>();
                let out = positive.bool_or(relations.negative.clone()).bool_not();
                let total = weights.clone().sum_dim(1).clamp_min(1e-30);
                let own = (logits.clone() * weights).sum_dim(1) / total;
                log_sum_exp(logits.mask_fill(out, EXCLUDED), 1) - own
            }
        };
        mean_of(terms, lone)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
