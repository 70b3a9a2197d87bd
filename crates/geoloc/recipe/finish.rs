//! What is made of a trained model: its gallery, its radius, its temperature.

use burn::tensor::{Device, Tensor};

use super::RecipeError;
use super::calibration::{Calibration, LEAST_PHOTOS, Scored, calibrate};
use super::fit::Fit;
use super::scored_gallery::ScoredGallery;
use crate::approach::{Gallery, GalleryOf, MakeDecoder};
use crate::core::{Decoder, Encoder, GeoModel, Head};
use crate::geo_cells::{LatLng, haversine_km};
use crate::photos::PhotoInputs;

/// Photos that go through a model together after the training.
const CHUNK: usize = 64;
/// Validation photos at even steps that a temperature is fitted on, at most: scores of all classes
/// are held for each.
const MOST_CALIBRATED: usize = 2000;

/// Result of a training, in the types of the approach.
pub(super) struct Finished<H> {
    pub(super) head: H,
    pub(super) gallery: Gallery,
    /// Median distance in km of answers for validation photos, where it was asked for.
    pub(super) radius_km: Option<f64>,
    /// The temperature of the stated probabilities.
    pub(super) calibration: Option<Calibration>,
    /// Median distance of validation photos from the moved place of their cell, in spreads of it,
    /// where cells are moved.
    pub(super) residual: Option<f64>,
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
            residual: None,
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

    /// Finds the temperature of the stated probabilities on the validation photos.
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
        let similarity = decoder.similarity(&model.head);
        let similarity = similarity.map_err(|e| RecipeError::Input(e.into()))?;
        let gallery = match similarity {
            Some(similarity) => Some(ScoredGallery::new(&finished.gallery, similarity)?),
            None => None,
        };
        let labelled = self.recipe.approach.needs_classes();
        let mut photos = Vec::new();
        let mut residuals = Vec::new();
        let mut asked = 0;
        let validation = &self.prepared.validation;
        let stride = validation.len().div_ceil(MOST_CALIBRATED).max(1);
        let rows: Vec<usize> = validation.iter().step_by(stride).copied().collect();
        for rows in rows.chunks(CHUNK) {
            let output = forward(model, inputs, rows, &self.options.device)?;
            let places = self.places_of(rows);
            if let Some(found) = decoder.residuals(output.clone(), &places) {
                let found = found.map_err(|e| RecipeError::Input(e.into()))?;
                residuals.extend(found.into_iter().flatten());
            }
            if let Some(gallery) = &gallery {
                asked += rows.len();
                if let Some(vectors) = decoder.photo_rows(output) {
                    photos.extend(gallery.scored(vectors, &places)?);
                }
            } else if let Some(scores) = decoder.scores(output) {
                asked += rows.len();
                let scores = scores.map_err(|e| RecipeError::Input(e.into()))?;
                for (row, scores) in rows.iter().zip(scores) {
                    let class = self.prepared.class_of(*row, labelled);
                    if let (Some(class), Ok(scores)) = (class, scores) {
                        photos.extend(of_class(scores, class));
                    }
                }
            }
        }
        finished.calibration = calibrate(&photos)?;
        residuals.sort_by(f64::total_cmp);
        finished.residual = residuals.get(residuals.len() / 2).copied();
        let wanted = gallery.is_some() || D::OVER_CLASSES;
        if wanted && finished.calibration.is_none() {
            finished.notes.push(format!(
                "the temperature of the probabilities stays at 1: of {asked} validation photos {} have a \
                 right answer to compare with, and they say nothing of it (fewer than {LEAST_PHOTOS}, or \
                 all answered right)",
                photos.len()
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

/// Finite scores and the right class among them; `None` if it cannot be answered.
fn of_class(scores: Vec<f64>, class: usize) -> Option<Scored> {
    let known = |(at, score): (usize, f64)| score.is_finite().then_some((at, score));
    let (classes, scores): (Vec<usize>, Vec<f64>) =
        scores.into_iter().enumerate().filter_map(known).unzip();
    let right = classes.binary_search(&class).ok()?;
    Some(Scored {
        scores,
        right: vec![right],
    })
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
