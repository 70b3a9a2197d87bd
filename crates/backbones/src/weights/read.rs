//! The tensors of a file, checked value by value.

use std::path::Path;

use burn::store::burn_pack::{self, Tensor as Stored};
use burn::store::{ModuleStore, SafetensorsStore, SafetensorsStoreError, bridge};
use burn::tensor::{Bytes, DType, TensorData};

use super::checkpoint::{self, Pickled};
use super::{WeightsError, text};

/// A tensor in memory.
pub(super) struct FileTensor {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// Whether linear weights are `[out, in]` and norms have a `weight`, or as burn names them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    PyTorch,
    Burn,
}

/// A tensor in a file.
pub(super) enum Unread {
    Stored(Stored),
    Pickled(Pickled),
}

impl Unread {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Stored(tensor) => &tensor.name,
            Self::Pickled(tensor) => &tensor.name,
        }
    }
}

/// The tensors of a file by its ending, not yet read.
pub(super) fn open(path: &Path) -> Result<(Vec<Unread>, Layout), WeightsError> {
    // Readers report a file that is not there in different ways.
    let metadata = std::fs::metadata(path).map_err(|source| WeightsError::Io {
        path: path.to_path_buf(),
        source,
    })?;
    let ending = path
        .extension()
        .map(|e| e.to_string_lossy().to_ascii_lowercase());
    let format = match ending.as_deref() {
        Some("safetensors") => "safetensors",
        Some("bpk") => "burnpack",
        Some("pth" | "pt") => "PyTorch",
        _ => {
            return Err(WeightsError::UnknownFormat {
                path: path.to_path_buf(),
            });
        }
    };
    if !metadata.is_file() || metadata.len() == 0 {
        return Err(damaged(path, format, "the file is empty"));
    }
    text::refuse(path)?;
    let stored = |tensors: Vec<Stored>| tensors.into_iter().map(Unread::Stored).collect();
    let (tensors, layout): (Vec<Unread>, Layout) = match format {
        "safetensors" => (stored(open_safetensors(path)?), Layout::PyTorch),
        "burnpack" => (stored(open_burnpack(path)?), Layout::Burn),
        _ => {
            let tensors = checkpoint::open(path)?.into_iter();
            (tensors.map(Unread::Pickled).collect(), Layout::PyTorch)
        }
    };
    if tensors.is_empty() {
        return Err(WeightsError::Empty {
            path: path.to_path_buf(),
        });
    }
    Ok((tensors, layout))
}

/// Reads a tensor, converts 16-bit floats, and refuses other numbers and values that are not
/// finite.
pub(super) fn read(path: &Path, tensor: Unread) -> Result<FileTensor, WeightsError> {
    let name = tensor.name().to_owned();
    let (dtype, shape): (DType, Vec<usize>) = match &tensor {
        Unread::Stored(tensor) => (tensor.dtype, tensor.shape.iter().copied().collect()),
        Unread::Pickled(tensor) => (tensor.dtype, tensor.shape.clone()),
    };
    if !matches!(dtype, DType::F32 | DType::F16 | DType::BF16) {
        return Err(WeightsError::Number {
            path: path.to_path_buf(),
            name,
            dtype,
        });
    }
    let unreadable = |reason: String| damaged(path, "weights", format!("tensor {name}: {reason}"));
    let data = match tensor {
        Unread::Stored(tensor) => {
            bridge::into_data(tensor).map_err(|e| unreadable(e.to_string()))?
        }
        Unread::Pickled(tensor) => {
            let bytes = Bytes::from_bytes_vec(tensor.bytes()?);
            TensorData::from_bytes(bytes, shape.clone(), dtype)
        }
    };
    let values = data
        .try_to_vec_as::<f32>()
        .map_err(|e| unreadable(format!("{e:?}")))?;
    if let Some((index, &value)) = values.iter().enumerate().find(|(_, v)| !v.is_finite()) {
        return Err(WeightsError::NotFinite {
            path: path.to_path_buf(),
            name,
            index,
            value,
        });
    }
    Ok(FileTensor {
        name,
        shape,
        values,
    })
}

fn open_safetensors(path: &Path) -> Result<Vec<Stored>, WeightsError> {
    let mut store = SafetensorsStore::from_file(path).map_indices_contiguous(false);
    let tensors = store.get_all_tensors().map_err(|error| match error {
        SafetensorsStoreError::Io(source) if source.raw_os_error().is_some() => WeightsError::Io {
            path: path.to_path_buf(),
            source,
        },
        other => damaged(path, "safetensors", other.to_string()),
    })?;
    Ok(tensors.values().cloned().collect())
}

fn open_burnpack(path: &Path) -> Result<Vec<Stored>, WeightsError> {
    burn_pack::Reader::from_file(path)
        .and_then(burn_pack::Reader::into_tensors)
        .map_err(|e| damaged(path, "burnpack", e.to_string()))
}

fn damaged(path: &Path, format: &'static str, reason: impl Into<String>) -> WeightsError {
    WeightsError::Damaged {
        path: path.to_path_buf(),
        format,
        reason: reason.into(),
    }
}
