//! Weight files of other people: checked, renamed, and loaded whole or not at all.
//!
//! [`load_weights`] reads `.safetensors` and burnpack (`.bpk`). Neither format can hold code; a
//! `PyTorch` checkpoint (`.pth`) has to be written as `.safetensors` first. A [`KeyMap`] turns the
//! names of the file into those of the module. Every parameter of the module must be in the file
//! with its shape, and every tensor of the file must have a place or be set aside by a rule of the
//! key map: what is missing, extra or misshapen is listed by name, and the module is left as it
//! was.

mod checksum;
mod error;
mod key_map;
mod load;
mod read;

pub use checksum::{sha256_of, verify_sha256};
pub use error::{Misshapen, WeightsError};
pub use key_map::{KeyMap, Rule};
pub use load::{LoadReport, load_weights};

#[cfg(test)]
mod tests;
