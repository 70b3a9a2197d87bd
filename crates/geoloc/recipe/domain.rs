//! What a trained model is made for, from the photos that it was trained and validated on.

use super::RecipeError;
use super::fit::Fit;
use crate::core::Encoder;
use crate::datasets::decode_photo;
use crate::locate::{AnyEncoder, DomainPhotos, DomainStatistics, LEAST_HELD_OUT, LEAST_TRAINING};

/// Photos of each part that are looked at, at even steps.
const MOST: usize = 400;
/// Photos that are decoded together.
const CHUNK: usize = 16;

impl Fit<'_> {
    /// Statistics of the domain from training and validation photos, or why there are none.
    pub(super) fn domain(
        &self,
        encoder: &AnyEncoder,
    ) -> Result<Result<DomainStatistics, String>, RecipeError> {
        let (training, held_out) = (&self.prepared.train, &self.prepared.validation);
        if training.len() < LEAST_TRAINING || held_out.len() < LEAST_HELD_OUT {
            return Ok(Err(format!(
                "the model file does not say what the model is made for: that takes {LEAST_TRAINING} training \
                 photos and {LEAST_HELD_OUT} for validation, there are {} and {}",
                training.len(),
                held_out.len()
            )));
        }
        let encoder = encoder.clone().for_inference();
        let (input, device) = (&self.input, &self.options.device);
        let described = |rows: &[usize]| {
            let mut found = DomainPhotos::default();
            let stride = rows.len().div_ceil(MOST).max(1);
            let rows: Vec<usize> = rows.iter().step_by(stride).copied().collect();
            for rows in rows.chunks(CHUNK) {
                let paths = rows.iter().filter_map(|&row| self.prepared.paths.get(row));
                let photos = paths.map(|path| decode_photo(path).map_err(input_error));
                let photos: Vec<_> = photos.collect::<Result<_, _>>()?;
                let added = found.add(&encoder, input, &photos, device);
                added.map_err(input_error)?;
            }
            Ok::<_, RecipeError>(found)
        };
        let photos = [described(training)?, described(held_out)?];
        let seed = self.recipe.training.seed;
        let found = DomainStatistics::fit(&encoder, input, &photos, device, seed);
        Ok(Ok(found.map_err(input_error)?))
    }
}

fn input_error(error: impl std::error::Error + Send + Sync + 'static) -> RecipeError {
    RecipeError::Input(Box::new(error))
}
