//! Weight files of other people: checked, renamed, and loaded whole or not at all.
//!
//! [`load_weights`] reads `.safetensors`, burnpack (`.bpk`) and checkpoints of `PyTorch` (`.pth`,
//! `.pt`). Nothing in a file is ever run: the first two formats cannot hold code, and a checkpoint
//! that refers to more than tensors and plain values is refused. A [`KeyMap`] turns the
//! names of the file into those of the module. Every parameter of the module must be in the file
//! with its shape, and every tensor of the file must have a place or be set aside by a rule of the
//! key map: what is missing, extra or misshapen is listed by name, and the module is left as it
//! was.

mod apply;
mod checkpoint;
mod checksum;
mod error;
mod key_map;
mod load;
mod read;
mod text;

pub use checkpoint::read_scalar;
pub use checksum::{sha256_of, verify_sha256};
pub use error::{Misshapen, WeightsError};
pub use key_map::{KeyMap, Rule};
pub use load::{LoadReport, load_weights};

#[cfg(test)]
mod tests;
