//! What can be wrong with a weight file.

use std::fmt;
use std::path::PathBuf;

use burn::tensor::DType;
use thiserror::Error;

/// Why weights were not loaded; the module is then as it was.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file cannot be opened or read.
    #[error("{}: {source}", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The ending of the name is none of the known ones.
    #[error(
        "{}: weights are read from .safetensors, .bpk, .pth and .pt files",
        .path.display()
    )]
    UnknownFormat {
        /// Which file.
        path: PathBuf,
    },
    /// The file is cut short or not what its ending says.
    #[error("{}: not a readable {format} file: {reason}", .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What it should be.
        format: &'static str,
        /// What the reader said.
        reason: String,
    },
    /// The file is text, whatever its ending says.
    #[error("{}: no weights but {kind}", .path.display())]
    Text {
        /// Which file.
        path: PathBuf,
        /// What the text looks like, and what to do.
        kind: &'static str,
    },
    /// The pickle refers to a class or function that is none of those of tensors. Nothing of it was
    /// run.
    #[error(
        "{}: refused, because it refers to {class}, which is no part of a state dictionary; save \
         the state dictionary alone",
        .path.display()
    )]
    Code {
        /// Which file.
        path: PathBuf,
        /// The class or function.
        class: String,
    },
    /// The file holds no tensors.
    #[error("{}: no tensors found", .path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// The checksum differs.
    #[error("{}: SHA-256 is {found}, expected {expected}", .path.display())]
    Checksum {
        /// Which file.
        path: PathBuf,
        /// What was asked for.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// A tensor is not of 16-bit or 32-bit floats.
    #[error("{}: tensor {name} is {dtype:?}; expected F32, F16 or BF16", .path.display())]
    Number {
        /// Which file.
        path: PathBuf,
        /// Name in the file, renamed by the key map.
        name: String,
        /// Its type.
        dtype: DType,
    },
    /// A tensor holds NaN or an infinite value.
    #[error("{}: tensor {name} holds {value} at position {index}", .path.display())]
    NotFinite {
        /// Which file.
        path: PathBuf,
        /// Name in the file, renamed by the key map.
        name: String,
        /// Position in row-major order.
        index: usize,
        /// The value.
        value: f32,
    },
    /// A running variance of a batch norm is negative, so that its square root is no number.
    #[error("{}: tensor {name} holds {value} at position {index}, but no variance is negative", .path.display())]
    Negative {
        /// Which file.
        path: PathBuf,
        /// Name, renamed by the key map.
        name: String,
        /// Position in row-major order.
        index: usize,
        /// The value.
        value: f32,
    },
    /// Two tensors have one name after the renaming.
    #[error("{}: two tensors become {name} by the key map", .path.display())]
    Duplicate {
        /// Which file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// A rule of the key map does not fit the shape of its tensor.
    #[error("{}: tensor {name} of shape {shape:?} cannot be {rule}", .path.display())]
    Rule {
        /// Which file.
        path: PathBuf,
        /// Name before the rule.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// What the rule does.
        rule: String,
    },
    /// File and module do not have the same tensors.
    #[error(
        "{}: the file does not fit the module{}{}{}{}",
        .path.display(),
        List("missing in the file", .missing),
        List("not in the module", .extra),
        List("of another shape", .misshapen),
        Under(.prefix.as_deref())
    )]
    Mismatch {
        /// Which file.
        path: PathBuf,
        /// Parameters of the module that the file lacks.
        missing: Vec<String>,
        /// Tensors of the file without a place.
        extra: Vec<String>,
        /// Tensors of another shape.
        misshapen: Vec<Misshapen>,
        /// What stands before most of the missing names in the file, if that is it; to be given to
        /// [`KeyMap::within`](super::KeyMap::within).
        prefix: Option<String>,
    },
}

/// A tensor whose shape is not that of the parameter; shapes as the file stores them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misshapen {
    /// Name of the parameter.
    pub name: String,
    /// Shape that the module has.
    pub expected: Vec<usize>,
    /// Shape in the file.
    pub found: Vec<usize>,
}

impl fmt::Display for Misshapen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            expected,
            found,
        } = self;
        write!(f, "{name} {found:?} instead of {expected:?}")
    }
}

/// Part of a message: where the missing tensors are.
struct Under<'a>(Option<&'a str>);

impl fmt::Display for Under<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(prefix) => write!(
                f,
                "; names in the file begin with {prefix:?}, which is to be taken off"
            ),
            None => Ok(()),
        }
    }
}

/// Part of a message: how many there are, and the first of them.
struct List<'a, T>(&'static str, &'a [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        let Self(what, items) = self;
        if items.is_empty() {
            return Ok(());
        }
        write!(f, "; {} {what}:", items.len())?;
        for (i, item) in items.iter().take(SHOWN).enumerate() {
            write!(f, "{} {item}", if i == 0 { "" } else { "," })?;
        }
        if items.len() > SHOWN {
            write!(f, " and {} more", items.len() - SHOWN)?;
        }
        Ok(())
    }
}
