//! Cell classification with a bounded offset in each cell (OSV-5M, Astruc et al. 2024).

mod config;
mod decoder;
mod head;

pub use config::HybridHeadConfig;
pub use decoder::HybridDecoder;
pub use head::HybridHead;

#[cfg(test)]
mod tests;
