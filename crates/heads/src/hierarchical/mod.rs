//! Classification over nested partitions (Müller-Budack, Pustu-Iren and Ewerth 2018).

mod config;
mod decoder;
mod head;

pub use config::HierarchicalHeadConfig;
pub use decoder::HierarchicalDecoder;
pub use head::HierarchicalHead;

#[cfg(test)]
mod tests;
