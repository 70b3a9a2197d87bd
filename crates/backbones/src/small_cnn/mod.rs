//! A small convolutional encoder that trains from scratch in minutes on a CPU.

mod config;
mod encoder;

pub use config::SmallCnnConfig;
pub use encoder::SmallCnn;

#[cfg(test)]
mod tests;
