//! Trained models as [`Locator`](crate::core::Locator)s.

mod any_encoder;
mod domain;
mod embedder;
mod encoders;
mod gallery;
mod index;
mod load_any;
mod models;
mod named_encoder;
mod neighbours;
mod pipeline;

pub use any_encoder::AnyEncoder;
pub use domain::{
    DomainError, DomainPhotos, DomainStatistics, LEAST_HELD_OUT, LEAST_TRAINING, LEVEL,
};
pub use embedder::{Embedder, PreparedPhoto};
pub use encoders::{AnyEncoderConfig, WithEncoder};
pub use gallery::GalleryDecoder;
pub use index::{IndexError, embedding_name, load_embedder, load_over_index, open_index};
pub use load_any::load_any;
pub(crate) use models::check_input;
pub use models::{
    BiasedIndexError, CELL_CLASSIFIER, CellClassifierSettings, RETRIEVAL, RetrievalSettings,
    build_model, index_embeddings, index_with_biases, insert_cell_classifier, insert_retrieval,
    load_cell_classifier, load_retrieval,
};
pub use named_encoder::{NamedEncoder, PublishedEncoder, UnknownEncoder};
pub use neighbours::NeighbourDecoder;
pub use pipeline::Pipeline;

#[cfg(test)]
mod tests;
