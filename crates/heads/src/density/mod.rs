//! Places from densities: the mode of a smoothed distribution over cells, and of the neighbours of
//! a query.

mod cells;
mod grid;
mod neighbours;

pub use cells::ModeDecoder;
pub use grid::GridDensity;
pub use neighbours::{Neighbour, NeighbourDensity};

#[cfg(test)]
mod tests;
