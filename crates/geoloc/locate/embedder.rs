//! Photos as vectors.

use burn::module::Module;
use burn::tensor::Device;

use super::pipeline::{BATCH, in_batches};
use crate::core::{Backbone, DecodeError, GeoModel, LocateError};
use crate::datasets::{Photo, Preprocess};
use crate::heads::embedding::EmbeddingHead;
use crate::images::stack;

/// Turns photos into vectors to index or to search with.
pub trait Embedder: Send + Sync {
    /// Length of the vectors.
    fn dim(&self) -> usize;

    /// What the model reads of a photo. It is small, whatever the size of the photo: a program that
    /// keeps only this holds few pixels.
    ///
    /// # Errors
    ///
    /// [`LocateError::Input`].
    fn prepare(&self, photo: &Photo) -> Result<PreparedPhoto, LocateError>;

    /// One vector per prepared photo, in order.
    fn embed_prepared(&self, photos: Vec<PreparedPhoto>) -> Vec<Result<Vec<f32>, LocateError>>;

    /// One vector per photo, in order; a photo that fails does not cost the others.
    fn embed(&self, photos: &[Photo]) -> Vec<Result<Vec<f32>, LocateError>>;
}

/// What a model reads of a photo.
#[derive(Clone, Debug, PartialEq)]
pub struct PreparedPhoto(Vec<f32>);

/// The query branch of a retrieval model.
#[derive(Debug)]
pub(super) struct ModelEmbedder<E: Module> {
    model: GeoModel<E, EmbeddingHead>,
    dim: usize,
    input: Preprocess,
    device: Device,
}

impl<E: Backbone> ModelEmbedder<E> {
    pub(super) fn new(
        model: &GeoModel<E, EmbeddingHead>,
        dim: usize,
        input: Preprocess,
        device: &Device,
    ) -> Self {
        Self {
            model: model.valid(),
            dim,
            input,
            device: device.clone(),
        }
    }

    fn forward(&self, images: &[Vec<f32>]) -> Vec<Result<Vec<f32>, LocateError>> {
        let output = self.model.forward(stack(images, &self.input, &self.device));
        match output.0.try_into_vec_as::<f32>() {
            Ok(values) => values
                .chunks_exact(self.dim)
                .enumerate()
                .map(|(index, row)| {
                    if row.iter().all(|v| v.is_finite()) {
                        Ok(row.to_vec())
                    } else {
                        Err(DecodeError::NotFinite { index }.into())
                    }
                })
                .collect(),
            Err(e) => {
                let failed = DecodeError::Device {
                    reason: e.to_string(),
                };
                images.iter().map(|_| Err(failed.clone().into())).collect()
            }
        }
    }
}

impl<E: Backbone> Embedder for ModelEmbedder<E> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn prepare(&self, photo: &Photo) -> Result<PreparedPhoto, LocateError> {
        Ok(PreparedPhoto(self.input.apply(photo)?))
    }

    fn embed_prepared(&self, photos: Vec<PreparedPhoto>) -> Vec<Result<Vec<f32>, LocateError>> {
        let images: Vec<Vec<f32>> = photos.into_iter().map(|photo| photo.0).collect();
        let batches = images.chunks(BATCH);
        batches.flat_map(|images| self.forward(images)).collect()
    }

    fn embed(&self, photos: &[Photo]) -> Vec<Result<Vec<f32>, LocateError>> {
        in_batches(photos, &self.input, |images| self.forward(images))
    }
}
