//! Tensors of a checkpoint.

use std::path::Path;
use std::rc::Rc;

use burn::tensor::DType;

use super::archive::Archive;
use super::value::{Pickle, Value, View};
use super::{damaged, unexpected};
use crate::weights::WeightsError;

/// Dictionaries and lists inside each other; state dictionaries have two or three.
const DEEPEST: usize = 32;

/// Values that are looked at; the same one may be met in several places.
const MOST_VALUES: usize = 1_000_000;

/// A tensor whose numbers are not yet read.
#[derive(Debug)]
pub(in crate::weights) struct Pickled {
    pub(in crate::weights) name: String,
    pub(in crate::weights) dtype: DType,
    pub(in crate::weights) shape: Vec<usize>,
    view: Rc<View>,
    archive: Rc<Archive>,
}

/// All tensors of a pickle.
pub(super) fn collect(
    path: &Path,
    archive: Archive,
    pickle: &Pickle,
) -> Result<Vec<Pickled>, WeightsError> {
    let mut walk = Walk {
        path,
        archive: Rc::new(archive),
        pickle,
        tensors: Vec::new(),
        seen: 0,
    };
    walk.visit(&pickle.root, "", 0)?;
    walk.tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(walk.tensors)
}

struct Walk<'a> {
    path: &'a Path,
    archive: Rc<Archive>,
    pickle: &'a Pickle,
    tensors: Vec<Pickled>,
    seen: usize,
}

impl Walk<'_> {
    fn visit(&mut self, value: &Value, name: &str, depth: usize) -> Result<(), WeightsError> {
        self.seen += 1;
        if depth > DEEPEST || self.seen > MOST_VALUES {
            let reason = format!("too many dictionaries and lists inside each other at {name}");
            return Err(damaged(self.path, reason));
        }
        let inside = |key: &str| match name {
            "" => key.to_owned(),
            _ => format!("{name}.{key}"),
        };
        match value {
            Value::Tensor(view) => {
                check(self.path, &self.archive, name, view)?;
                self.tensors.push(Pickled {
                    name: name.to_owned(),
                    dtype: view.storage.dtype,
                    shape: view.shape.clone(),
                    view: view.clone(),
                    archive: self.archive.clone(),
                });
            }
            Value::Dict(place) => {
                for pair in self.pickle.items(*place).chunks_exact(2) {
                    let [key, value] = pair else { continue };
                    let key = match key {
                        Value::Text(text) => inside(text),
                        Value::Int(number) => inside(&number.to_string()),
                        other => return Err(unexpected(self.path, "a key", other)),
                    };
                    self.visit(value, &key, depth + 1)?;
                }
            }
            Value::List(place) | Value::Tuple(place) => {
                for (i, item) in self.pickle.items(*place).iter().enumerate() {
                    self.visit(item, &inside(&i.to_string()), depth + 1)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether the tensor lies in its storage and takes no more room than that.
fn check(path: &Path, archive: &Archive, name: &str, view: &View) -> Result<(), WeightsError> {
    let fail = |reason: &str| Err(damaged(path, format!("tensor {name}: {reason}")));
    let Some(bytes) = archive.storage_size(&view.storage.key) else {
        return fail(&format!("there is no storage {}", view.storage.key));
    };
    let stored = bytes / view.storage.dtype.size() as u64;
    let mut count = 1_u64;
    let mut last = view.offset as u64;
    for (&size, &stride) in view.shape.iter().zip(&view.strides) {
        if size == 0 {
            return fail("it is empty");
        }
        let steps = (size as u64 - 1).checked_mul(stride as u64);
        let reach = steps.and_then(|steps| last.checked_add(steps));
        match (count.checked_mul(size as u64), reach) {
            (Some(product), Some(reach)) => (count, last) = (product, reach),
            _ => return fail("its shape is beyond all measure"),
        }
    }
    if last >= stored {
        return fail("it reaches beyond its storage");
    }
    if count > stored {
        return fail("it repeats numbers of its storage");
    }
    Ok(())
}

impl Pickled {
    /// The numbers in row-major order as bytes.
    pub(in crate::weights) fn bytes(&self) -> Result<Vec<u8>, WeightsError> {
        let stored = self.archive.storage(&self.view.storage.key)?;
        let width = self.dtype.size();
        let count: usize = self.shape.iter().product();
        let start = self.view.offset * width;
        if self.contiguous() {
            let bytes = stored.get(start..start + count * width);
            return Ok(bytes.ok_or_else(|| self.archive.cut())?.to_vec());
        }
        let mut out = Vec::with_capacity(count * width);
        let mut at = vec![0; self.shape.len()];
        for _ in 0..count {
            let steps = at.iter().zip(&self.view.strides);
            let index = self.view.offset + steps.map(|(i, stride)| i * stride).sum::<usize>();
            let number = stored.get(index * width..(index + 1) * width);
            out.extend_from_slice(number.ok_or_else(|| self.archive.cut())?);
            for (i, &size) in at.iter_mut().zip(&self.shape).rev() {
                *i += 1;
                if *i < size {
                    break;
                }
                *i = 0;
            }
        }
        Ok(out)
    }

    fn contiguous(&self) -> bool {
        let mut expected = 1;
        let axes = self.shape.iter().zip(&self.view.strides).rev();
        axes.into_iter().all(|(&size, &stride)| {
            let fits = size == 1 || stride == expected;
            expected *= size;
            fits
        })
    }
}
