//! From a file into a module.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Module;
use burn::store::{
    ApplyError, ApplyResult, ModuleAdapter, ModuleSnapshot, PyTorchToBurnAdapter, bridge,
};
use burn::tensor::TensorData;

use super::KeyMap;
use super::apply::{apply_rules, is_dropped};
use super::read::{self, FileTensor, Layout};
use super::{Misshapen, WeightsError, sha256_of};

/// What [`load_weights`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadReport {
    /// Parameters and running statistics of the module, all of which were set.
    pub loaded: Vec<String>,
    /// Tensors of the file that a rule of the key map set aside.
    pub dropped: Vec<String>,
    /// SHA-256 of the file in hexadecimal digits.
    pub sha256: String,
}

/// Sets all parameters and running statistics of `module` from a file.
///
/// Numbers of 16 bits are converted to 32; linear weights and norms of `.safetensors`, `.pth` and
/// `.pt` files are taken in the layout of `PyTorch`, those of `.bpk` files in the layout of burn. Fails without a
/// change to `module`.
///
/// # Errors
///
/// [`WeightsError`]: a file that cannot be read, is damaged or is text; numbers of another type, values
/// that are not finite, negative variances, and any difference between the tensors of file and module.
pub fn load_weights<M: Module>(
    module: &mut M,
    path: impl AsRef<Path>,
    keys: &KeyMap,
) -> Result<LoadReport, WeightsError> {
    let path = path.as_ref();
    let (tensors, layout) = read::open(path)?;
    let mut dropped = Vec::new();
    let mut kept = Vec::new();
    for tensor in tensors {
        // Tensors without a place are not read: counters are integers, and that is no error.
        if is_dropped(tensor.name(), keys.rules()) {
            dropped.push(tensor.name().to_owned());
        } else {
            kept.push(read::read(path, tensor)?);
        }
    }
    let mut renamed: BTreeMap<String, FileTensor> = BTreeMap::new();
    for tensor in apply_rules(path, kept, keys.rules())? {
        let name = tensor.name.clone();
        check_variance(path, &tensor)?;
        if renamed.insert(name.clone(), tensor).is_some() {
            return Err(WeightsError::Duplicate {
                path: path.to_path_buf(),
                name,
            });
        }
    }
    let shapes: BTreeMap<String, Vec<usize>> = renamed
        .iter()
        .map(|(name, values)| (name.clone(), values.shape.clone()))
        .collect();
    let tensors = renamed
        .into_values()
        .map(|v| bridge::from_data(TensorData::new(v.values, v.shape), v.name, None))
        .collect();
    let adapter: Option<Box<dyn ModuleAdapter>> = match layout {
        Layout::PyTorch => Some(Box::new(PyTorchToBurnAdapter)),
        Layout::Burn => None,
    };
    // Parameters are shared with the copy, so that this costs little; the copy is kept only if
    // everything fits.
    let mut copy = module.clone();
    let result = copy.apply(tensors, None, adapter, false);
    complete(path, &result, &shapes, layout)?;
    *module = copy;
    Ok(LoadReport {
        loaded: result.applied,
        dropped,
        sha256: sha256_of(path)?,
    })
}

/// Fails if a running variance of a batch norm has negative values: all that follows would be NaN.
fn check_variance(path: &Path, tensor: &FileTensor) -> Result<(), WeightsError> {
    if !tensor.name.ends_with("running_var") {
        return Ok(());
    }
    let mut values = tensor.values.iter().copied().enumerate();
    match values.find(|&(_, value)| value < 0.0) {
        Some((index, value)) => Err(WeightsError::Negative {
            path: path.to_path_buf(),
            name: tensor.name.clone(),
            index,
            value,
        }),
        None => Ok(()),
    }
}

/// What stands in the file before more than half of the missing names.
fn common_prefix(missing: &[String], extra: &[String]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for found in extra {
        for prefix in missing
            .iter()
            .filter_map(|name| found.strip_suffix(name.as_str()))
        {
            if prefix.ends_with('.') {
                *counts.entry(prefix).or_default() += 1;
            }
        }
    }
    let (prefix, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (2 * count > missing.len()).then(|| prefix.to_owned())
}

/// Fails unless every tensor of both sides found its partner.
fn complete(
    path: &Path,
    result: &ApplyResult,
    shapes: &BTreeMap<String, Vec<usize>>,
    layout: Layout,
) -> Result<(), WeightsError> {
    let mut misshapen = Vec::new();
    for error in &result.errors {
        match error {
            ApplyError::ShapeMismatch {
                path: name,
                expected,
                found,
            } => {
                let name = &stored_name(name, shapes);
                let mut expected: Vec<usize> = expected.iter().copied().collect();
                let adapted: Vec<usize> = found.iter().copied().collect();
                // A name that burn has changed beyond recognition: the shape is that after the adapter.
                let found = shapes.get(name).cloned().unwrap_or(adapted.clone());
                if found != adapted {
                    // The adapter has turned the matrix; report both as in the file.
                    expected.reverse();
                }
                misshapen.push(Misshapen {
                    name: name.clone(),
                    expected,
                    found,
                });
            }
            other => {
                return Err(WeightsError::Damaged {
                    path: path.to_path_buf(),
                    format: "weights",
                    reason: other.to_string(),
                });
            }
        }
    }
    if result.missing.is_empty() && result.unused.is_empty() && misshapen.is_empty() {
        return Ok(());
    }
    let missing = result.missing.iter();
    let missing: Vec<String> = missing.map(|(n, at)| name_in_file(n, at, layout)).collect();
    Err(WeightsError::Mismatch {
        path: path.to_path_buf(),
        prefix: common_prefix(&missing, &result.unused),
        missing,
        extra: result.unused.clone(),
        misshapen,
    })
}

/// The name of a tensor of the file: norms of burn call their weight gamma.
fn stored_name(name: &str, shapes: &BTreeMap<String, Vec<usize>>) -> String {
    let renamed = name.replace(".gamma", ".weight").replace(".beta", ".bias");
    if !shapes.contains_key(name) && shapes.contains_key(&renamed) {
        return renamed;
    }
    name.to_owned()
}

/// The name that a parameter has in files: norms of burn call their weight gamma.
fn name_in_file(name: &str, containers: &str, layout: Layout) -> String {
    let in_norm = containers
        .rsplit('.')
        .find(|c| c.starts_with("Struct:"))
        .is_some_and(|c| c.ends_with("Norm"));
    let renamed = [(".gamma", ".weight"), (".beta", ".bias")]
        .into_iter()
        .find_map(|(from, to)| Some(format!("{}{to}", name.strip_suffix(from)?)));
    match renamed {
        Some(renamed) if in_norm && layout == Layout::PyTorch => renamed,
        _ => name.to_owned(),
    }
}
