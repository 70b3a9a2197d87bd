//! Large parts in one byte a value.

use burn::tensor::{Bytes, DType};
use burn_pack::Tensor;

use super::Artifact;

/// Smaller parts stay as they are.
const SMALLEST: usize = 1024;
/// Largest code.
const CODES: f32 = 127.0;

impl Artifact {
    /// Stores every f32 part of two or more dimensions and at least 1,024 values as int8 with one
    /// f32 scale per row of its first dimension: a quarter of the size. Each value moves by at
    /// most 1/254 of the largest of its row; reading gives f32 again.
    ///
    /// Rows that are not finite stay in f32, so that damage is not hidden.
    pub fn compact(&mut self) {
        let large: Vec<String> = self
            .tensors
            .iter()
            .filter(|(_, t)| t.dtype == DType::F32 && t.shape.len() >= 2)
            .filter(|(_, t)| t.shape.iter().product::<usize>() >= SMALLEST)
            .map(|(name, _)| name.clone())
            .collect();
        for name in large {
            let Some(tensor) = self.tensors.get(&name) else {
                continue;
            };
            let Some((codes, scales)) = encode(tensor) else {
                continue;
            };
            let scale = scale_part(&name);
            self.tensors.insert(scale, scales);
            self.tensors.insert(name, codes);
        }
    }

    /// A part in f32, whichever way it is stored; `None` if it is int8 and its scales do not fit.
    pub(super) fn expanded(&self, name: &str, tensor: &Tensor) -> Option<Tensor> {
        if tensor.dtype != DType::I8 {
            return Some(tensor.clone());
        }
        let scales = self.tensors.get(&scale_part(name))?;
        let rows = tensor.shape.iter().next().copied()?;
        if scales.dtype != DType::F32 || scales.shape.iter().product::<usize>() != rows {
            return None;
        }
        let scales = scales.to_bytes().ok()?;
        let codes = tensor.to_bytes().ok()?;
        let width = codes.len() / rows.max(1);
        let values: Vec<u8> = codes
            .chunks_exact(width.max(1))
            .zip(floats(&scales))
            .flat_map(|(row, scale)| row.iter().map(move |&c| f32::from(c.cast_signed()) * scale))
            .flat_map(f32::to_le_bytes)
            .collect();
        Some(Tensor::new(
            tensor.name.clone(),
            DType::F32,
            tensor.shape.to_vec(),
            tensor.param_id,
            Bytes::from_bytes_vec(values),
        ))
    }
}

/// Whether a part holds the scales of another.
pub(super) fn is_scale(name: &str) -> bool {
    name.ends_with(SUFFIX)
}

/// No burn module has such a name.
const SUFFIX: &str = "#scale";

fn scale_part(name: &str) -> String {
    format!("{name}{SUFFIX}")
}

fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> + '_ {
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&b| f32::from_le_bytes(b))
}

fn encode(tensor: &Tensor) -> Option<(Tensor, Tensor)> {
    let rows = tensor.shape.iter().next().copied()?;
    let bytes = tensor.to_bytes().ok()?;
    let values: Vec<f32> = floats(&bytes).collect();
    if !values.iter().all(|v| v.is_finite()) || rows == 0 || values.len() < rows {
        return None;
    }
    let mut codes = Vec::with_capacity(values.len());
    let mut scales = Vec::with_capacity(4 * rows);
    for row in values.chunks_exact(values.len() / rows) {
        let largest = row.iter().fold(0f32, |m, v| m.max(v.abs()));
        let scale = if largest > 0.0 { largest / CODES } else { 1.0 };
        codes.extend(
            row.iter()
                .map(|v| ((v / scale).round() as i8).cast_unsigned()),
        );
        scales.extend(scale.to_le_bytes());
    }
    let part = |name: String, dtype, shape: Vec<usize>, id, bytes| {
        Tensor::new(name, dtype, shape, id, Bytes::from_bytes_vec(bytes))
    };
    let (name, shape) = (tensor.name.clone(), tensor.shape.to_vec());
    Some((
        part(name.clone(), DType::I8, shape, tensor.param_id, codes),
        part(scale_part(&name), DType::F32, vec![rows], None, scales),
    ))
}
