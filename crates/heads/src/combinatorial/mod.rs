//! Combinatorial partitioning (`CPlaNet`, Seo, Weyand, Sim and Han 2018).

mod config;
mod decoder;
mod head;

pub use config::GeoclassHeadConfig;
pub use decoder::{TupleScore, TupleVoteDecoder};
pub use head::GeoclassHead;

#[cfg(test)]
mod tests;
