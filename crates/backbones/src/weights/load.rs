//! From a file into a module.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Module;
use burn::store::{
    ApplyError, ApplyResult, ModuleAdapter, ModuleSnapshot, PyTorchToBurnAdapter, bridge,
};
use burn::tensor::TensorData;

use super::key_map::{KeyMap, Rule};
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
/// Numbers of 16 bits are converted to 32; linear weights and norms of `.safetensors` files are
/// taken in the layout of `PyTorch`, those of `.bpk` files in the layout of burn. Fails without a
/// change to `module`.
///
/// # Errors
///
/// [`WeightsError`]: a file that cannot be read or is damaged, numbers of another type, values
/// that are not finite, and any difference between the tensors of file and module.
pub fn load_weights<M: Module>(
    module: &mut M,
    path: impl AsRef<Path>,
    keys: &KeyMap,
) -> Result<LoadReport, WeightsError> {
    let path = path.as_ref();
    let (tensors, layout) = read::open(path)?;
    let mut dropped = Vec::new();
    let mut renamed: BTreeMap<String, FileTensor> = BTreeMap::new();
    for tensor in tensors {
        // Tensors without a place are not read: counters are integers, and that is no error.
        let original = tensor.name.clone();
        if is_dropped(&original, keys.rules()) {
            dropped.push(original);
            continue;
        }
        for values in rename(path, read::read(path, tensor)?, keys.rules())? {
            let name = values.name.clone();
            if renamed.insert(name.clone(), values).is_some() {
                return Err(WeightsError::Duplicate {
                    path: path.to_path_buf(),
                    name,
                });
            }
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

/// Whether a rule sets this tensor aside, given the renamings before it.
fn is_dropped(name: &str, rules: &[Rule]) -> bool {
    let mut name = name.to_owned();
    for rule in rules {
        match rule {
            Rule::Under(prefix) => match name.strip_prefix(prefix.as_ref()) {
                Some(rest) => name = rest.to_owned(),
                None => return true,
            },
            Rule::DropPrefix(prefix) if name.starts_with(prefix.as_ref()) => return true,
            Rule::DropSuffix(suffix) if name.ends_with(suffix.as_ref()) => return true,
            Rule::Replace { from, to } => name = name.replace(from.as_ref(), to),
            Rule::Rename { from, to } if name == *from => to.as_ref().clone_into(&mut name),
            _ => {}
        }
    }
    false
}

/// Applies the rules to one tensor, which may become several.
fn rename(
    path: &Path,
    tensor: FileTensor,
    rules: &[Rule],
) -> Result<Vec<FileTensor>, WeightsError> {
    let mut tensors = vec![tensor];
    for rule in rules {
        let mut next = Vec::with_capacity(tensors.len());
        for tensor in tensors {
            apply(path, tensor, rule, &mut next)?;
        }
        tensors = next;
    }
    Ok(tensors)
}

fn apply(
    path: &Path,
    mut tensor: FileTensor,
    rule: &Rule,
    out: &mut Vec<FileTensor>,
) -> Result<(), WeightsError> {
    let misfit = |tensor: &FileTensor, rule: String| WeightsError::Rule {
        path: path.to_path_buf(),
        name: tensor.name.clone(),
        shape: tensor.shape.clone(),
        rule,
    };
    match rule {
        Rule::Under(prefix) => {
            if !tensor.name.starts_with(prefix.as_ref()) {
                return Ok(());
            }
            tensor.name.drain(..prefix.len());
        }
        Rule::DropPrefix(_) | Rule::DropSuffix(_) => {}
        Rule::Replace { from, to } => tensor.name = tensor.name.replace(from.as_ref(), to),
        Rule::Rename { from, to } => {
            if tensor.name == *from {
                to.as_ref().clone_into(&mut tensor.name);
            }
        }
        Rule::Split { suffix, into } => {
            if let Some(stem) = tensor.name.strip_suffix(suffix.as_ref()) {
                let parts = split(&tensor, stem, into)
                    .ok_or_else(|| misfit(&tensor, format!("cut into {} parts", into.len())))?;
                out.extend(parts);
                return Ok(());
            }
        }
        Rule::Transpose(name) => {
            if tensor.name == *name {
                let &[rows, columns] = tensor.shape.as_slice() else {
                    return Err(misfit(&tensor, "transposed".into()));
                };
                tensor.values = (0..columns)
                    .flat_map(|c| tensor.values.iter().skip(c).step_by(columns).copied())
                    .collect();
                tensor.shape = vec![columns, rows];
            }
        }
        Rule::Reshape { name, shape } => {
            if tensor.name == *name {
                if shape.iter().product::<usize>() != tensor.values.len() {
                    return Err(misfit(&tensor, format!("reshaped to {shape:?}")));
                }
                tensor.shape.clone_from(shape);
            }
        }
    }
    out.push(tensor);
    Ok(())
}

/// Equal parts along the first axis.
fn split(
    tensor: &FileTensor,
    stem: &str,
    endings: &[std::borrow::Cow<'static, str>],
) -> Option<Vec<FileTensor>> {
    let (&rows, rest) = tensor.shape.split_first()?;
    if endings.is_empty() || !rows.is_multiple_of(endings.len()) || tensor.values.is_empty() {
        return None;
    }
    let mut shape = vec![rows / endings.len()];
    shape.extend_from_slice(rest);
    let parts = tensor.values.chunks(tensor.values.len() / endings.len());
    Some(
        parts
            .zip(endings)
            .map(|(values, ending)| FileTensor {
                name: format!("{stem}{ending}"),
                shape: shape.clone(),
                values: values.to_vec(),
            })
            .collect(),
    )
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
                let mut expected: Vec<usize> = expected.iter().copied().collect();
                let adapted: Vec<usize> = found.iter().copied().collect();
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
    Err(WeightsError::Mismatch {
        path: path.to_path_buf(),
        missing: missing.map(|(n, at)| name_in_file(n, at, layout)).collect(),
        extra: result.unused.clone(),
        misshapen,
    })
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
