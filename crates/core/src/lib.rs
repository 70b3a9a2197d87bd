//! The contract that every encoder, head, loss, target encoder and decoder of geoloc meets.
//!
//! ```text
//! Photo -(Preprocess)-> images [batch, 3, height, width]
//!   -(Encoder)-> Features -(Head)-> output, one named type per family
//!   -(Loss<Output>)-> loss [1]              training; targets from a TargetEncoder
//!   -(Decoder<Output>)-> Vec<Result<Estimate, DecodeError>>
//! ```
//!
//! Any head fits any encoder, because [`Features`] is all that passes between them. Any loss or
//! decoder fits any head *of the same output type*, and the compiler checks the pair.
//!
//! Tensors carry no backend type: burn picks the backend at run time from the
//! [`Device`](burn::tensor::Device).

pub mod contract;

mod batch;
mod config;
mod contrast;
mod decoder;
mod discs;
mod encoder;
mod features;
mod flow;
mod frames;
mod head;
mod learner;
mod locator;
mod loss;
mod masses;
mod model;
mod output;
mod parts;
mod seed;

pub use batch::{BatchError, BatchSource, GeoBatch, PairBatch};
pub use config::{ConfigError, EncoderConfig, HeadConfig};
pub use contrast::{PlaceContrastBatch, PlaceContrastModel, PlaceContrastTraining, PlaceEncoder};
pub use decoder::{DecodeError, Decoder, TemperatureScaling};
pub use encoder::{Backbone, Encoder};
pub use features::{FeatureSpec, Features};
pub use flow::{FlowSchedule, SphericalFlow, VelocityField};
pub use frames::CellFrames;
pub use geoloc_datasets::Photo;
pub use head::Head;
pub use learner::{Learner, PairTraining, Training};
pub use locator::{Domain, LocateError, Located, Locator};
pub use loss::{Loss, TargetEncoder, TargetError};
pub use masses::{PlaceMass, estimate_about, estimate_from_masses};
pub use model::{GeoModel, MAX_SCALE, TwoBranch, limit_log_scale};
pub use output::{
    CellLogits, CellOffsets, CosineLogits, Directions, Embedding, GeoclassLogits,
    HierarchicalLogits, PairEmbeddings, PlaceEmbeddings, ScaledCoordinates, SceneExperts,
    SphericalMixture, TriangleEmbeddings, TwoTasks,
};
pub use parts::EncoderParts;
pub use seed::{mix, uniform, uniform_direction};
