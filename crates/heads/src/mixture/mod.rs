//! Von Mises-Fisher density and mixtures of them; one component is the plain density.

mod config;
mod decoder;
mod head;

pub use config::MixtureHeadConfig;
pub use decoder::MixtureDecoder;
pub use head::MixtureHead;

#[cfg(test)]
mod tests;
