//! S2 cells: ids, levels, tokens and the projection of the sphere onto the cube.

mod geometry;
mod id;
mod level;
mod projection;
mod token;

pub use id::{CellId, CellIdError};
pub use level::{Level, LevelError};
pub use token::TokenError;

pub(crate) use projection::{LEAVES_F64, leaf_raw};
#[cfg(test)]
pub(crate) use projection::{face_uv_to_vector, uv_bounds};
