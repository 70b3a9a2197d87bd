//! Flow matching on the sphere: a density for each photo by a flow from noise to places (PLONK,
//! Dufour et al. 2025).

mod blocks;
mod config;
mod decoder;
mod head;
mod likelihood;
mod sampler;

pub use blocks::FlowNetwork;
pub use config::FlowHeadConfig;
pub use decoder::FlowDecoder;
pub use head::FlowHead;
pub use likelihood::FlowLikelihood;
pub use sampler::FlowSampler;

#[cfg(test)]
mod tests;
