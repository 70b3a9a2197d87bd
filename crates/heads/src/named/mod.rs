//! Classification over named places: the cities of a data set, or countries.

mod config;
mod decoder;

pub use config::NamedClassHeadConfig;
pub use decoder::{NamedClass, NamedClassDecoder};

#[cfg(test)]
mod tests;
