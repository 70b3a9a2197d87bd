//! From photos on the host to images on the device.

use burn::tensor::{Device, Tensor, TensorData};
use image::{ColorType, ImageEncoder, codecs::png::PngEncoder};
use thiserror::Error;

use crate::datasets::{Photo, Preprocess};

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
        photo.rgb(),
        photo.width(),
        photo.height(),
        ColorType::Rgb8.into(),
    )?;
    Ok(bytes)
}

/// Stacks prepared photos, each `[3, height, width]` as
/// [`Preprocess::apply`] gives them, into `[batch, 3, height, width]`.
///
/// # Panics
///
/// Burn panics if the photos were prepared in another way.
#[must_use]
pub fn stack(prepared: &[Vec<f32>], preprocess: &Preprocess, device: &Device) -> Tensor<4> {
    let (width, height) = preprocess.output_size();
    let shape = [prepared.len(), 3, height as usize, width as usize];
    Tensor::from_data(TensorData::new(prepared.concat(), shape), device)
}
