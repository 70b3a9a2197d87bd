//! A key map at work.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use super::WeightsError;
use super::key_map::Rule;
use super::read::FileTensor;

/// Whether a rule sets this tensor aside, given the renamings before it.
pub(super) fn is_dropped(name: &str, rules: &[Rule]) -> bool {
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
            Rule::Join { pieces, into } => {
                if let Some(piece) = pieces.iter().find(|p| name.contains(p.as_ref())) {
                    name = name.replace(piece.as_ref(), into);
                }
            }
            _ => {}
        }
    }
    false
}

/// Applies the rules, each to all tensors: one tensor may become several, or several one.
pub(super) fn apply_rules(
    path: &Path,
    mut tensors: Vec<FileTensor>,
    rules: &[Rule],
) -> Result<Vec<FileTensor>, WeightsError> {
    for rule in rules {
        let mut next = Vec::with_capacity(tensors.len());
        if let Rule::Join { pieces, into } = rule {
            join(path, tensors, pieces, into, &mut next)?;
        } else {
            for tensor in tensors {
                apply(path, tensor, rule, &mut next)?;
            }
        }
        tensors = next;
    }
    Ok(tensors)
}

/// Stacks tensors whose names differ in one of the pieces only.
fn join(
    path: &Path,
    tensors: Vec<FileTensor>,
    pieces: &[Cow<'static, str>],
    into: &str,
    out: &mut Vec<FileTensor>,
) -> Result<(), WeightsError> {
    let mut wholes: BTreeMap<String, Vec<Option<FileTensor>>> = BTreeMap::new();
    for tensor in tensors {
        let found = pieces.iter().position(|p| tensor.name.contains(p.as_ref()));
        let Some((at, piece)) = found.and_then(|at| Some((at, pieces.get(at)?))) else {
            out.push(tensor);
            continue;
        };
        let whole = tensor.name.replace(piece.as_ref(), into);
        let parts = wholes.entry(whole).or_default();
        parts.resize_with(pieces.len(), || None);
        match parts.get_mut(at) {
            Some(Some(other)) => {
                return Err(WeightsError::Rule {
                    path: path.to_path_buf(),
                    rule: format!("joined as part {piece}, which {} is already", other.name),
                    name: tensor.name,
                    shape: tensor.shape,
                });
            }
            Some(slot) => *slot = Some(tensor),
            None => {}
        }
    }
    for (name, parts) in wholes {
        let mut whole: Option<FileTensor> = None;
        for (part, piece) in parts.into_iter().zip(pieces) {
            let misfit = |name: String, shape: Vec<usize>, reason: String| WeightsError::Rule {
                path: path.to_path_buf(),
                name,
                shape,
                rule: reason,
            };
            let Some(part) = part else {
                // Where the first part lacks, there is no shape to name.
                let shape = whole.map(|w| w.shape).unwrap_or_default();
                return Err(misfit(name, shape, format!("joined: no part {piece}")));
            };
            match &mut whole {
                None => {
                    whole = Some(FileTensor {
                        name: name.clone(),
                        ..part
                    });
                }
                Some(whole) => {
                    let same = part.shape.len() == whole.shape.len()
                        && part.shape.iter().skip(1).eq(whole.shape.iter().skip(1));
                    match (whole.shape.first_mut(), part.shape.first()) {
                        (Some(rows), Some(more)) if same => *rows += more,
                        _ => {
                            let rule = format!("joined with tensors of shape {:?}", whole.shape);
                            return Err(misfit(part.name, part.shape, rule));
                        }
                    }
                    whole.values.extend(part.values);
                }
            }
        }
        out.extend(whole);
    }
    Ok(())
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
        // Tensors that are set aside are gone by now; joining concerns several, see `join`.
        Rule::DropPrefix(_) | Rule::DropSuffix(_) | Rule::Join { .. } => {}
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
    endings: &[Cow<'static, str>],
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
