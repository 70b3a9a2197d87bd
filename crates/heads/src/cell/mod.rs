//! Classification over the cells of a partition (`PlaNet`, Weyand et al. 2016).

mod config;
mod decoder;
mod head;

pub use config::CellHeadConfig;
pub use decoder::CellDecoder;
pub use head::CellHead;

#[cfg(test)]
mod tests;
