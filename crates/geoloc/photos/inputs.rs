//! What an encoder reads of a photo: pixels, or features computed before.

use std::path::PathBuf;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use crate::backbones::feature_file::FeatureFile;
use crate::core::Features;
use crate::datasets::{Augment, Preprocess, decode_map};
use crate::images::stack;

/// Why a photo cannot be read.
pub type InputError = Box<dyn std::error::Error + Send + Sync>;

/// Gives the photos of a data set, by their position in it, to an encoder.
pub trait PhotoInputs: Send + Sync {
    /// What the encoder reads.
    type Input: Clone + Send + 'static;

    /// The photos `rows`. With `first`, the number of the first one among all that are drawn in
    /// training, each is changed at random by its number; without, as it is.
    ///
    /// # Errors
    ///
    /// The first photo that cannot be read.
    fn inputs(
        &self,
        rows: &[usize],
        first: Option<u64>,
        device: &Device,
    ) -> Result<Self::Input, InputError>;
}

/// Pixels.
#[derive(Clone, Debug)]
pub struct ImageInputs {
    /// Files of the data set.
    pub paths: Arc<[PathBuf]>,
    /// What is made of them.
    pub input: Preprocess,
    /// Random changes in training.
    pub augment: Augment,
    /// Seed of the changes.
    pub seed: u64,
}

impl PhotoInputs for ImageInputs {
    type Input = Tensor<4>;

    /// Images `[rows, 3, height, width]`.
    fn inputs(
        &self,
        rows: &[usize],
        first: Option<u64>,
        device: &Device,
    ) -> Result<Tensor<4>, InputError> {
        let path = |row: &usize| self.paths.get(*row).ok_or(format!("no photo {row}"));
        let paths = rows.iter().map(path).collect::<Result<Vec<_>, _>>()?;
        let prepared = decode_map(&paths, |k, photo| match first {
            Some(first) => {
                let number = first + k as u64;
                self.augment.apply(&photo, &self.input, self.seed, number)
            }
            None => self.input.apply(&photo),
        });
        let images = prepared
            .into_iter()
            .zip(&paths)
            .map(|(image, path)| match image? {
                Ok(image) => Ok(image),
                Err(e) => Err(format!("{}: {e}", path.display()).into()),
            })
            .collect::<Result<Vec<Vec<f32>>, InputError>>()?;
        Ok(stack(&images, &self.input, device))
    }
}

/// Features of a file.
#[derive(Clone, Debug)]
pub struct FeatureInputs {
    /// The file.
    pub file: Arc<FeatureFile>,
    /// The row of each photo of the data set; `None` for those that have no features.
    pub rows: Arc<[Option<u64>]>,
}

impl PhotoInputs for FeatureInputs {
    type Input = Features;

    fn inputs(
        &self,
        rows: &[usize],
        _first: Option<u64>,
        device: &Device,
    ) -> Result<Features, InputError> {
        let row = |row: &usize| match self.rows.get(*row).copied().flatten() {
            Some(found) => Ok(found),
            None => Err(format!("photo {row} has no features")),
        };
        let rows = rows.iter().map(row).collect::<Result<Vec<u64>, _>>()?;
        Ok(self.file.features(&rows, device)?)
    }
}
