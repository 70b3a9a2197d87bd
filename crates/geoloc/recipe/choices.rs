//! What a recipe file says.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{EncoderChoice, PartitionChoice, RecipeError, TrainingChoice};
use crate::approach::ApproachConfig;
use crate::datasets::{Augment, Interpolation, Preprocess, Resize};
use crate::photos::{Columns, SplitConfig};

/// A recipe: all that a training needs besides photos.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// One line for the report.
    pub title: String,
    /// Where the settings come from, and where they depart from it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Columns of the list of photos.
    #[serde(default)]
    pub data: Columns,
    /// Training, validation and test photos.
    #[serde(default)]
    pub split: SplitConfig,
    /// How the ground is divided; left out by approaches that do not divide it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<PartitionChoice>,
    /// Departures from the input that the encoder was trained with.
    #[serde(default)]
    pub input: InputChoice,
    /// Random changes of training photos.
    #[serde(default)]
    pub augment: Augment,
    /// Encoder.
    pub encoder: EncoderChoice,
    /// Head, loss and decoder.
    pub approach: ApproachConfig,
    /// Steps and learning rates.
    pub training: TrainingChoice,
    /// What is reported.
    #[serde(default)]
    pub evaluation: EvaluationChoice,
}

/// Departures from an encoder's usual input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InputChoice {
    /// The shorter side becomes this many pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<u32>,
    /// Kernel of resizing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpolation: Option<Interpolation>,
    /// Mean of each channel, in units of full scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<[f32; 3]>,
    /// Deviation of each channel, in units of full scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub std: Option<[f32; 3]>,
}

impl InputChoice {
    /// The usual input with these departures.
    #[must_use]
    pub fn apply(&self, usual: Preprocess) -> Preprocess {
        Preprocess {
            resize: self.resize.map_or(usual.resize, Resize::ShorterSide),
            interpolation: self.interpolation.unwrap_or(usual.interpolation),
            mean: self.mean.unwrap_or(usual.mean),
            std: self.std.unwrap_or(usual.std),
            crop: usual.crop,
        }
    }
}

/// What is reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationChoice {
    /// Radii in km, increasing.
    pub radii_km: Vec<f64>,
    /// Photos shown in each gallery of the report; 0 for none.
    pub shown: usize,
}

impl Default for EvaluationChoice {
    /// Street, city, region, country and continent, as usual; 8 photos.
    fn default() -> Self {
        Self {
            radii_km: vec![1.0, 25.0, 200.0, 750.0, 2500.0],
            shown: 8,
        }
    }
}

impl Recipe {
    /// Reads and checks a file.
    ///
    /// # Errors
    ///
    /// [`RecipeError`] names the file and the key.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, RecipeError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|source| RecipeError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads and checks text; `origin` is what errors name.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn parse(text: &str, origin: &str) -> Result<Self, RecipeError> {
        let recipe: Self = toml::from_str(text).map_err(|e| RecipeError::Toml {
            origin: origin.to_owned(),
            message: e.to_string(),
        })?;
        recipe.check()?;
        Ok(recipe)
    }
}
