//! Encoder, head and decoder behind one call.

use burn::module::Module;
use burn::tensor::Device;

use super::domain::{DescribedPhoto, DomainError, DomainPhotos, DomainStatistics};
use crate::core::{
    Backbone, DecodeError, Decoder, Domain, Features, GeoModel, Head, LocateError, Located, Locator,
};
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
    domain: Option<DomainStatistics>,
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
            domain: None,
        }
    }

    /// Tells with each answer whether the photo is of the kind that the statistics are of.
    #[must_use]
    pub fn with_domain(mut self, domain: Option<DomainStatistics>) -> Self {
        self.domain = domain;
        self
    }

    /// Statistics of this model's domain: `held_out` are photos of the kind of the training photos that
    /// it was not trained on.
    ///
    /// # Errors
    ///
    /// [`DomainError`].
    pub fn fit_domain(
        &self,
        training: &[Photo],
        held_out: &[Photo],
        seed: u64,
    ) -> Result<DomainStatistics, DomainError> {
        let (encoder, input, device) = (&self.model.encoder, &self.input, &self.device);
        let mut photos = [DomainPhotos::default(), DomainPhotos::default()];
        for (described, photos) in photos.iter_mut().zip([training, held_out]) {
            described.add(encoder, input, photos, device)?;
        }
        DomainStatistics::fit(encoder, input, &photos, device, seed)
    }

    /// Whether each photo is of the kind that the model was trained on.
    fn domains(&self, images: &[Vec<f32>], features: &Features) -> Vec<Domain> {
        let described = self.domain.as_ref().and_then(|statistics| {
            let found = DescribedPhoto::all(images, &self.input, features.clone());
            // Features that cannot be read cannot be located either: that error is told.
            Some((statistics, found.ok()?))
        });
        match described {
            Some((statistics, photos)) => photos.iter().map(|p| statistics.check(p)).collect(),
            None => vec![Domain::Unknown; images.len()],
        }
    }

    fn locate_prepared(&self, images: &[Vec<f32>]) -> Vec<Result<Located, LocateError>> {
        let features = self
            .model
            .encoder
            .encode(stack(images, &self.input, &self.device));
        let domains = self.domains(images, &features);
        let join = |(estimate, domain)| Located { estimate, domain };
        match self.decoder.decode(self.model.head.forward(features)) {
            Ok(estimates) => estimates
                .into_iter()
                .zip(domains)
                .map(|(e, domain)| Ok(join((e?, domain))))
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
        let located = self.locate_checked(photos).into_iter();
        located.map(|found| found.map(|l| l.estimate)).collect()
    }

    fn locate_checked(&self, photos: &[Photo]) -> Vec<Result<Located, LocateError>> {
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
