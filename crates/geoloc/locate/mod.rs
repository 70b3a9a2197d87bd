//! Trained models as [`Locator`](crate::core::Locator)s.

mod gallery;
mod models;
mod pipeline;

pub use gallery::GalleryDecoder;
pub use models::{
    AnyEncoderConfig, CELL_CLASSIFIER, CellClassifierSettings, RETRIEVAL, RetrievalSettings,
    build_model, index_embeddings, insert_cell_classifier, insert_retrieval, load_any,
    load_cell_classifier, load_retrieval,
};
pub use pipeline::Pipeline;
