//! What is made of a trained model: its gallery, its radius, its temperature.

use burn::tensor::{Device, Tensor};

use super::RecipeError;
use super::calibration::{Calibration, LEAST_PHOTOS, calibrate};
use super::fit::Fit;
use crate::approach::{Gallery, GalleryOf, MakeDecoder};
use crate::core::{Decoder, Encoder, GeoModel, Head};
use crate::geo_cells::{LatLng, haversine_km};
use crate::photos::PhotoInputs;

/// Photos that go through a model together after the training.
const CHUNK: usize = 64;

/// What comes of a training, in the types of the approach.
pub(super) struct Finished<H> {
    pub(super) head: H,
    pub(super) gallery: Gallery,
    /// Median distance in km of answers for validation photos, where it was asked for.
    pub(super) radius_km: Option<f64>,
    /// The temperature of a classifier.
    pub(super) calibration: Option<Calibration>,
    /// What a reader should know.
    pub(super) notes: Vec<String>,
}

impl Fit<'_> {
    /// Asks the trained model for whatever its answers need beside its parameters.
    pub(super) fn finish<E, I, H, D>(
        &self,
        model: &GeoModel<E, H>,
        inputs: &I,
        decoder: &D,
    ) -> Result<Finished<H>, RecipeError>
    where
        E: Encoder<Input = I::Input>,
        I: PhotoInputs,
        H: Head,
        D: MakeDecoder<H>,
    {
        let gallery = self.gallery(model, inputs, decoder)?;
        let mut finished = Finished {
            head: model.head.clone(),
            gallery,
            radius_km: None,
            calibration: None,
            notes: Vec::new(),
        };
        self.calibrate(model, inputs, decoder, &mut finished)?;
        if self.recipe.approach.clone().stated_radius_km().is_some() {
            let decoder = decoder.make(&model.head, finished.gallery.clone())?;
            finished.radius_km = self.radius_km(model, inputs, &decoder)?;
        }
        Ok(finished)
    }

    fn gallery<E, I, H, D>(
        &self,
        model: &GeoModel<E, H>,
        inputs: &I,
        decoder: &D,
    ) -> Result<Gallery, RecipeError>
    where
        E: Encoder<Input = I::Input>,
        I: PhotoInputs,
        H: Head,
        D: MakeDecoder<H>,
    {
        let device = &self.options.device;
        let mut gallery = Gallery::default();
        let mut add = |rows: Option<Tensor<2>>, places: &[LatLng]| {
            let Some(rows) = rows else { return Ok(()) };
            let [_, dim] = rows.dims();
            let values = rows.try_into_vec_as::<f32>();
            let values = values.map_err(|e| RecipeError::Input(e.to_string().into()))?;
            gallery.embeddings.extend(values);
            gallery.dim = dim;
            gallery.places.extend_from_slice(places);
            Ok::<(), RecipeError>(())
        };
        match decoder.gallery() {
            GalleryOf::Nothing => {}
            GalleryOf::Photos => {
                for rows in self.prepared.train.chunks(CHUNK) {
                    let output = forward(model, inputs, rows, device)?;
                    add(decoder.photo_rows(output), &self.places_of(rows))?;
                }
            }
            GalleryOf::Places(most) => {
                for places in thinned(&self.prepared.places, most).chunks(CHUNK) {
                    add(decoder.place_rows(&model.head, places, device), places)?;
                }
            }
        }
        Ok(gallery)
    }

    fn places_of(&self, rows: &[usize]) -> Vec<LatLng> {
        let label = |&row: &usize| self.prepared.labels.get(row);
        rows.iter().filter_map(label).map(|l| l.location).collect()
    }

    /// Finds the temperature of a classifier on the validation photos.
    fn calibrate<E, I, H, D>(
        &self,
        model: &GeoModel<E, H>,
        inputs: &I,
        decoder: &D,
        finished: &mut Finished<H>,
    ) -> Result<(), RecipeError>
    where
        E: Encoder<Input = I::Input>,
        I: PhotoInputs,
        H: Head,
        D: MakeDecoder<H>,
    {
        let labelled = self.recipe.approach.needs_classes();
        let (mut table, mut truth, mut classes) = (Vec::new(), Vec::new(), 0);
        for rows in self.prepared.validation.chunks(CHUNK) {
            let output = forward(model, inputs, rows, &self.options.device)?;
            let Some(logits) = decoder.logits(output) else {
                return Ok(());
            };
            let [_, width] = logits.dims();
            classes = width;
            let values = logits.try_into_vec_as::<f32>();
            let values = values.map_err(|e| RecipeError::Input(e.to_string().into()))?;
            for (row, logits) in rows.iter().zip(values.chunks_exact(width.max(1))) {
                if let Some(class) = self.prepared.class_of(*row, labelled) {
                    table.extend(logits.iter().map(|&z| f64::from(z)));
                    truth.push(class);
                }
            }
        }
        finished.calibration = calibrate(&table, classes, &truth)?;
        if classes > 0 && finished.calibration.is_none() {
            let photos = truth.len();
            finished.notes.push(format!(
                "the temperature of the probabilities stays at 1: {photos} validation photos say nothing \
                 of it (fewer than {LEAST_PHOTOS}, or all of them right)"
            ));
        }
        Ok(())
    }

    /// Median distance between answers and truth over the validation photos, or over the training
    /// photos if there are none.
    fn radius_km<E, I, H, D>(
        &self,
        model: &GeoModel<E, H>,
        inputs: &I,
        decoder: &D,
    ) -> Result<Option<f64>, RecipeError>
    where
        E: Encoder<Input = I::Input>,
        I: PhotoInputs,
        H: Head,
        D: Decoder<H::Output>,
    {
        let rows = match self.prepared.validation.as_slice() {
            [] => &self.prepared.train,
            rows => rows,
        };
        let mut distances = Vec::with_capacity(rows.len());
        for rows in rows.chunks(CHUNK) {
            let output = forward(model, inputs, rows, &self.options.device)?;
            let decoded = decoder.decode(output);
            let decoded = decoded.map_err(|e| RecipeError::Input(e.into()))?;
            for (place, estimate) in self.places_of(rows).into_iter().zip(decoded) {
                distances.extend(estimate.map(|e| haversine_km(place, e.location)).ok());
            }
        }
        distances.sort_by(f64::total_cmp);
        Ok(distances
            .get(distances.len().saturating_sub(1) / 2)
            .copied())
    }
}

fn forward<E, I, H>(
    model: &GeoModel<E, H>,
    inputs: &I,
    rows: &[usize],
    device: &Device,
) -> Result<H::Output, RecipeError>
where
    E: Encoder<Input = I::Input>,
    I: PhotoInputs,
    H: Head,
{
    let input = inputs.inputs(rows, None, device);
    Ok(model.forward(input.map_err(RecipeError::Input)?))
}

/// Different places in the order of their first occurrence, at even steps if there are more than
/// `most`.
fn thinned(places: &[LatLng], most: usize) -> Vec<LatLng> {
    let mut seen = std::collections::BTreeSet::new();
    let key = |p: &LatLng| (p.lat().to_bits(), p.lng().to_bits());
    let distinct: Vec<LatLng> = places
        .iter()
        .copied()
        .filter(|p| seen.insert(key(p)))
        .collect();
    if distinct.len() <= most {
        return distinct;
    }
    let at = |k: usize| distinct.get(k * distinct.len() / most).copied();
    (0..most).filter_map(at).collect()
}
