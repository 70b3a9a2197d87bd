//! S2 cells: ids, levels, tokens and the projection of the sphere onto the cube.

mod id;
mod level;
mod projection;
mod token;

pub use id::{CellId, CellIdError};
pub use level::{Level, LevelError};
pub use token::TokenError;

pub(crate) use projection::{LEAVES_F64, face_uv, face_uv_to_vector, leaf_raw, uv_bounds};
