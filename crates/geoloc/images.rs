//! From photos on the host to images on the device.

use burn::tensor::{Device, Tensor, TensorData};
use image::{ColorType, ImageEncoder, codecs::png::PngEncoder};
use thiserror::Error;

use crate::core::{InputSpec, Photo};

/// A photo could not be encoded.
#[derive(Debug, Error)]
#[error("a photo could not be encoded as PNG: {0}")]
pub struct EncodeError(#[from] image::ImageError);

/// The photo as the bytes of a PNG file.
///
/// # Errors
///
/// [`EncodeError`] if the encoder fails.
pub fn encode_png(photo: &Photo) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes).write_image(
        photo.pixels(),
        photo.width(),
        photo.height(),
        ColorType::Rgb8.into(),
    )?;
    Ok(bytes)
}

/// Stacks square RGB images into `[batch, 3, size, size]`, normalised as `spec` says.
///
/// Each item holds `3 * size * size` bytes, row by row, three a pixel; missing bytes count as 0.
#[must_use]
pub fn stack_rgb<'a>(
    images: impl ExactSizeIterator<Item = &'a [u8]>,
    spec: &InputSpec,
    device: &Device,
) -> Tensor<4> {
    let side = spec.size as usize;
    let area = side * side;
    let batch = images.len();
    let table = lookup(spec);
    let mut values = vec![0.0f32; batch * 3 * area];
    for (image, planes) in images.zip(values.chunks_exact_mut(3 * area)) {
        for (plane, (channel, levels)) in
            planes.chunks_exact_mut(area).zip(table.iter().enumerate())
        {
            let bytes = image.iter().skip(channel).step_by(3);
            for (value, &byte) in plane.iter_mut().zip(bytes) {
                *value = levels[usize::from(byte)];
            }
        }
    }
    Tensor::from_data(TensorData::new(values, [batch, 3, side, side]), device)
}

/// The normalised value of every byte of every channel.
fn lookup(spec: &InputSpec) -> [[f32; 256]; 3] {
    std::array::from_fn(|channel| {
        std::array::from_fn(|byte| (byte as f32 / 255.0 - spec.mean[channel]) / spec.std[channel])
    })
}

/// TEMP
pub fn preprocess(photo: &crate::core::Photo, spec: &InputSpec) -> Result<Vec<u8>, String> {
    if photo.width() == spec.size && photo.height() == spec.size {
        Ok(photo.pixels().to_vec())
    } else {
        Err("size".into())
    }
}
