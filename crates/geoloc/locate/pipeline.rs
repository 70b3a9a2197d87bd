//! Encoder, head and decoder behind one call.

use burn::module::Module;
use burn::tensor::Device;

use crate::core::{Backbone, DecodeError, Decoder, GeoModel, Head, LocateError, Locator};
use crate::datasets::{Photo, Preprocess};
use crate::geo_cells::Estimate;
use crate::images::stack;

/// Photos that go through the network together.
pub(super) const BATCH: usize = 64;

/// A model with its preprocessing and a decoder of its output.
#[derive(Debug)]
pub struct Pipeline<E: Module, H: Module, D> {
    name: String,
    model: GeoModel<E, H>,
    decoder: D,
    input: Preprocess,
    device: Device,
}

impl<E: Backbone, H: Head, D: Decoder<H::Output>> Pipeline<E, H, D> {
    /// Joins a model, put into inference mode, with the decoder of its output.
    pub fn new(
        name: &str,
        model: &GeoModel<E, H>,
        decoder: D,
        input: Preprocess,
        device: &Device,
    ) -> Self {
        let GeoModel { encoder, head } = model.valid();
        Self {
            name: name.into(),
            model: GeoModel {
                encoder: encoder.for_inference(),
                head,
            },
            decoder,
            input,
            device: device.clone(),
        }
    }

    fn locate_prepared(&self, images: &[Vec<f32>]) -> Vec<Result<Estimate, LocateError>> {
        let batch = stack(images, &self.input, &self.device);
        match self.decoder.decode(self.model.forward(batch)) {
            Ok(estimates) => estimates
                .into_iter()
                .map(|e| e.map_err(LocateError::from))
                .collect(),
            Err(e) => images
                .iter()
                .map(|_| Err(LocateError::from(e.clone())))
                .collect(),
        }
    }
}

impl<E: Backbone, H: Head, D: Decoder<H::Output>> Locator for Pipeline<E, H, D> {
    fn name(&self) -> &str {
        &self.name
    }

    fn locate(&self, photos: &[Photo]) -> Vec<Result<Estimate, LocateError>> {
        in_batches(photos, &self.input, |images| self.locate_prepared(images))
    }
}

/// Prepares photos batch by batch and hands them on; one result per photo, in order.
pub(super) fn in_batches<T>(
    photos: &[Photo],
    input: &Preprocess,
    mut run: impl FnMut(&[Vec<f32>]) -> Vec<Result<T, LocateError>>,
) -> Vec<Result<T, LocateError>> {
    let mut results = Vec::with_capacity(photos.len());
    for batch in photos.chunks(BATCH) {
        let (mut images, mut slots) = (Vec::with_capacity(batch.len()), Vec::new());
        for photo in batch {
            slots.push(input.apply(photo).map(|image| images.push(image)));
        }
        let mut found = if images.is_empty() {
            Vec::new()
        } else {
            run(&images)
        }
        .into_iter();
        for (slot, index) in slots.into_iter().zip(results.len()..) {
            results.push(match slot {
                Ok(()) => {
                    let none = || Err(DecodeError::NotFinite { index }.into());
                    found.next().unwrap_or_else(none)
                }
                Err(e) => Err(e.into()),
            });
        }
    }
    results
}
