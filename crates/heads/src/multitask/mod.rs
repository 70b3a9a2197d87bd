//! Two heads on the same features, with a learned uncertainty for each task.

mod config;
mod decoder;
mod head;

pub use config::TwoTaskHeadConfig;
pub use decoder::FirstTask;
pub use head::TwoTaskHead;

#[cfg(test)]
mod tests;
