//! The encoder of a recipe.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::RecipeError;
use crate::backbones::pooling::PoolingConfig;
use crate::backbones::weights::KeyMap;
use crate::datasets::{Preprocess, Resize};
use crate::locate::{AnyEncoderConfig, NamedEncoder, PublishedEncoder};

/// The encoder of a recipe: a published one by name, or any configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EncoderChoice {
    /// A published encoder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<NamedEncoder>,
    /// Side of the square input of the named encoder, if not the usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<usize>,
    /// An encoder by its configuration, in place of a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<AnyEncoderConfig>,
    /// File of trained weights; without, the encoder begins with random ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    /// SHA-256 that the file must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Whether it keeps the weights of the file: its features are computed once. A pooling whose weights
    /// begin at random is trained all the same, on tokens that are computed once; see
    /// [`trained`](Self::trained). Needs `weights`.
    pub frozen: bool,
    /// Pooling of its local features, in place of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pooling: Option<PoolingConfig>,
    /// Whether the pooled features are scaled to length 1; needs `pooling`.
    pub normalise: bool,
}

/// Which parts of an encoder are trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrainedPart {
    /// All of it, as the phases say.
    Whole,
    /// The pooling, on tokens that are computed once.
    Pooling,
    /// Nothing: its pooled features are computed once.
    Nothing,
}

impl EncoderChoice {
    /// Which parts are trained, if `config` is what the choice resolves to. Of a frozen encoder that is
    /// the pooling, if it has weights that begin at random; the exponent of `gem` stays as given.
    #[must_use]
    pub fn trained(&self, config: &AnyEncoderConfig) -> TrainedPart {
        match config {
            _ if !self.frozen => TrainedPart::Whole,
            AnyEncoderConfig::Pooled { pooling, .. } if pooling.is_random_at_first() => {
                TrainedPart::Pooling
            }
            _ => TrainedPart::Nothing,
        }
    }

    /// Configuration, input and names in the checkpoint.
    ///
    /// # Errors
    ///
    /// [`RecipeError::Key`] unless there is either a name or a configuration.
    pub fn resolve(&self) -> Result<PublishedEncoder, RecipeError> {
        let mut encoder = match (self.name, &self.config) {
            (Some(name), None) => name.parts(self.side),
            (None, Some(config)) => {
                if self.side.is_some() {
                    let reason = "belongs to a name; a configuration has its own size";
                    return Err(RecipeError::key("encoder.side", reason));
                }
                PublishedEncoder {
                    input: input_of(config),
                    config: config.clone(),
                    keys: KeyMap::new(),
                }
            }
            _ => {
                let reason = "there must be either `name` or `config`";
                return Err(RecipeError::key("encoder", reason));
            }
        };
        if let Some(pooling) = self.pooling {
            encoder.config = AnyEncoderConfig::Pooled {
                encoder: Box::new(encoder.config),
                pooling,
                normalise: self.normalise,
            };
        } else if self.normalise {
            return Err(RecipeError::key("encoder.normalise", "needs `pooling`"));
        }
        Ok(encoder)
    }
}

/// Squares of the size that a configuration reads, as `ImageNet` networks have them.
fn input_of(config: &AnyEncoderConfig) -> Preprocess {
    let [rows, columns] = match config {
        AnyEncoderConfig::SmallCnn(config) => return Preprocess::square(config.input_size as u32),
        AnyEncoderConfig::ResNet(config) => config.input_size,
        AnyEncoderConfig::EfficientNetLite(config) => config.input_size,
        AnyEncoderConfig::ConvNext(config) => config.input_size,
        AnyEncoderConfig::Vit(config) => config.input_size,
        AnyEncoderConfig::Pooled { encoder, .. } => return input_of(encoder),
    }
    .map(|side| side as u32);
    Preprocess {
        resize: Resize::ShorterSide(rows.max(columns).saturating_mul(8) / 7),
        crop: Some((columns, rows)),
        ..Preprocess::imagenet()
    }
}

/// The path itself, or the file of that name in the folder for weights: `GEOLOC_WEIGHTS`, or
/// `~/.cache/geoloc/weights`.
#[must_use]
pub fn in_weights_folder(path: &Path) -> PathBuf {
    let bare = path.parent().is_none_or(|p| p.as_os_str().is_empty());
    if path.exists() || !bare {
        return path.to_owned();
    }
    let folder = std::env::var_os("GEOLOC_WEIGHTS")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cache/geoloc/weights")));
    folder.map_or_else(|| path.to_owned(), |folder| folder.join(path))
}
