//! Losses and target encoders for image geolocalization, on burn.
//!
//! Every loss implements [`geoloc_core::Loss`] over one output type; targets are made on the host
//! from `f64` degrees by a [`geoloc_core::TargetEncoder`].

mod balanced;
mod cross_entropy;
mod decoupled;
mod experts;
mod flow_matching;
#[cfg(test)]
mod gradient_check;
mod hierarchical;
mod info_nce;
mod log_sum_exp;
mod margin;
mod mil_nce;
mod mixture;
mod multi_similarity;
mod offset;
mod place_contrast;
mod regression;
mod relations;
mod smoothed;
mod triangular;
mod triplet;
mod two_tasks;

pub use balanced::{BalancedCrossEntropy, ClassWeights};
pub use cross_entropy::{CellClasses, CrossEntropy};
pub use decoupled::DecoupledInfoNce;
pub use experts::{SceneCells, SceneExpertsLoss};
pub use flow_matching::{FlowMatching, FlowTarget, FlowTargets};
pub use hierarchical::{
    AncestorCrossEntropy, AncestorMembers, GeoclassTargets, HierarchyClasses, SummedCrossEntropy,
};
pub use info_nce::{InfoNce, PairMask, PairMasks};
pub use margin::{Margin, MarginSoftmax};
pub use mil_nce::MilNce;
pub use mixture::MixtureNll;
pub use multi_similarity::MultiSimilarity;
pub use offset::{CellOffsetLoss, CellWithOffset, CellsWithOffsets};
pub use place_contrast::{PlaceContrast, PlaceMask, PlaceMasks, draw_places};
pub use regression::{DirectionLoss, Discrepancy, HaversineLoss, ScaledPlaces, UnitVectors};
pub use relations::{DistanceRelations, PairRelations};
pub use smoothed::{SmoothedCells, SmoothingAnchor, SoftCrossEntropy};
pub use triangular::{CrossRelations, EdgeLoss, TriangleRelations, TriangleTargets, Triangular};
pub use triplet::SoftMarginTriplet;
pub use two_tasks::{UncertaintyWeighted, WeightedSum};
