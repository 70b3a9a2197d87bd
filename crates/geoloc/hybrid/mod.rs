//! The hybrid of proxy classification and aerial retrieval (Lindenberger et al. 2025).
//!
//! A table of **prototypes**, one per parent cell with ground photos, is trained as the weights of a
//! classifier; an **aerial** encoder embeds a tile of every fine cell, and a **query** encoder the
//! photo. A cell is found by `aerial · q + κ prototype(parent) · q`
//! ([`FusedIndex`](crate::retrieval::FusedIndex)), with κ from
//! [`calibrate_kappa`](crate::retrieval::calibrate_kappa).
//!
//! [`HybridModel`] and [`HybridTraining`] take any encoder whose head gives embeddings; the loss is
//! [`Triangular`](crate::losses::Triangular). [`HybridCells`] says which cells there are and who is
//! whose parent, [`CellPrototypes`] holds the trained table and carries it down to the fine cells.

mod cells;
mod model;
mod prototypes;

pub use cells::{HybridCells, HybridCellsError, HybridLevels};
pub use model::{HybridModel, HybridTraining};
pub use prototypes::{CellPrototypes, PrototypesError};

#[cfg(test)]
mod tests;
