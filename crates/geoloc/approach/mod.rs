//! The approaches of this library by name: head, loss, targets and decoder that fit each other.
//!
//! An [`ApproachConfig`] is what a file says; [`ApproachConfig::with`] hands the parts, each in its
//! own type, to whatever is to be done with them (a [`WithApproach`]): training, loading, a test.
//! What is written once for all approaches is written there, and nothing names them one by one.

mod alignment;
mod component;
mod config;
mod decoders;
mod dispatch;
mod ground;
mod label;
mod options;

pub use alignment::{
    AlignmentDecoder, PlaceAlignment, PlaceAlignmentHead, PlaceAlignmentHeadConfig,
    PlaceAlignmentLoss, PlaceQueue, PlaceQueueTarget,
};
pub use component::{APPROACH, ApproachSettings, insert_approach, load_approach};
pub use config::{ApproachConfig, ApproachError};
pub(crate) use decoders::NEIGHBOURS;
pub use decoders::{
    Gallery, GalleryOf, GalleryOfPhotos, GalleryOfPlaces, MakeDecoder, MakeDecoderError,
    OverClasses, OverMovedCells, Ready, Residuals, Scores, Similarity,
};
pub use ground::{Ground, GroundKind};
pub use label::{ByClass, ByPlace, ByScene, PhotoLabel, PhotoTargets};
pub use options::{
    CellLoss, ClassesOptions, ClassifierOptions, CombinatorialOptions, CosineOptions, FlowOptions,
    GeoclipOptions, HierarchicalOptions, HybridOptions, MixtureOptions, RetrievalOptions,
    ScaledRegressionOptions, SceneExpertsOptions, UnitRegressionOptions, Vote,
};

use crate::core::{Head, HeadConfig, Loss};

/// What the head of a configuration gives.
pub type OutputOf<C> = <<C as HeadConfig>::Head as Head>::Output;

/// Head, loss, targets and decoder that fit each other.
#[derive(Clone, Debug)]
pub struct Approach<C, L, T, D> {
    /// Configuration of the head.
    pub head: C,
    /// Loss of its output.
    pub loss: L,
    /// What the loss compares with.
    pub targets: T,
    /// What makes the decoder of the trained model.
    pub decoder: D,
}

/// Visitor that is called with the concrete types of an approach.
pub trait WithApproach {
    /// Result of the call.
    type Output;

    /// Called with the parts of the approach.
    fn call<C, L, T, D>(self, approach: Approach<C, L, T, D>) -> Self::Output
    where
        C: HeadConfig<Head: 'static>,
        L: Loss<OutputOf<C>, Target = T::Target>,
        T: PhotoTargets,
        D: MakeDecoder<C::Head>;
}
