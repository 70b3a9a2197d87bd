//! Checkpoints of `PyTorch` (`.pth`, `.pt`), as `torch.save` has written them since version 1.6.
//!
//! Such a file is an uncompressed ZIP archive: a pickle, which is a program for building objects,
//! and the numbers of each storage beside it. Nothing of the program is run. [`pickle`] follows it
//! with a stack of plain values and knows a handful of names, those by which tensors are described;
//! at any other class or function the file is refused, as by `torch.load(weights_only=True)`.
//!
//! This is written here, and not taken from a general reader, because it is smaller than the
//! dependencies of one, and because a reader that skips what it does not know would accept a file
//! that calls something.

mod archive;
mod pickle;
mod tensor;
mod value;

use std::path::Path;

use self::archive::Archive;
pub(super) use self::tensor::Pickled;
use self::tensor::collect;
use self::value::Value;
use super::WeightsError;

/// The tensors of a checkpoint in the order of their names, not yet read. Names of nested
/// dictionaries are joined by points: `state_dict.conv1.weight`. A tensor without a dictionary
/// around it has an empty name.
pub(super) fn open(path: &Path) -> Result<Vec<Pickled>, WeightsError> {
    let archive = Archive::open(path)?;
    let pickle = pickle::read(path, &archive.pickle()?)?;
    collect(path, archive, &pickle)
}

/// The value of a `.pth` file that holds one 32-bit float and no dictionary around it, as
/// `torch.save(torch.tensor(4.6), path)` writes it.
///
/// # Errors
///
/// [`WeightsError`] if the file cannot be read, holds anything else, or the value is not finite.
pub fn read_scalar(path: impl AsRef<Path>) -> Result<f32, WeightsError> {
    let path = path.as_ref();
    super::text::refuse(path)?;
    let tensors = open(path)?;
    match tensors.as_slice() {
        [only] if only.name.is_empty() && only.shape.iter().product::<usize>() == 1 => {}
        _ => {
            let reason = "expected one number without a name";
            return Err(damaged(path, reason.into()));
        }
    }
    let mut values = Vec::new();
    for tensor in tensors {
        let tensor = super::read::read(path, super::read::Unread::Pickled(tensor))?;
        values = tensor.values;
    }
    values
        .first()
        .copied()
        .ok_or_else(|| damaged(path, "it is empty".into()))
}

#[cfg(test)]
mod forge;
#[cfg(test)]
mod tests;

/// Something in the file is not as the format says.
fn damaged(path: &Path, reason: String) -> WeightsError {
    WeightsError::Damaged {
        path: path.to_path_buf(),
        format: "PyTorch",
        reason,
    }
}

/// The file refers to a class or function that is none of those of tensors.
fn refused(path: &Path, class: &str) -> WeightsError {
    WeightsError::Code {
        path: path.to_path_buf(),
        class: class.to_owned(),
    }
}

/// The same, for values in a place where none such belongs.
fn unexpected(path: &Path, what: &str, value: &Value) -> WeightsError {
    damaged(path, format!("{what} cannot be {}", value.kind()))
}
