//! Vectors for retrieval: linear projection, then L2 normalisation.

mod config;
mod head;

pub use config::EmbeddingHeadConfig;
pub use head::EmbeddingHead;

#[cfg(test)]
mod tests;
