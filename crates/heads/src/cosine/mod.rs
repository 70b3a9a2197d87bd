//! Classification by the cosine to a prototype of each cell (`CosFace`, `CosPlace`).

mod config;
mod decoder;
mod head;

pub use config::CosineHeadConfig;
pub use head::CosineHead;

#[cfg(test)]
mod tests;
