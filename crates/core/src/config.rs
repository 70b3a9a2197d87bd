//! Configurations that build encoders and heads; they travel in the artifact.

use burn::tensor::Device;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::{Encoder, FeatureSpec, Head};

/// Builds an encoder.
pub trait EncoderConfig: Serialize + DeserializeOwned + Clone + Send + Sync {
    /// What it builds.
    type Encoder: Encoder;

    /// Builds the encoder with fresh weights on `device`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a value is out of range.
    fn init(&self, device: &Device) -> Result<Self::Encoder, ConfigError>;

    /// Checks that images of `width` x `height` pixels fit the encoder, before any is encoded:
    /// burn panics on those that do not. Encoders that take any size need not implement it.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InputSize`].
    fn check_input(&self, width: usize, height: usize) -> Result<(), ConfigError> {
        let _ = (width, height);
        Ok(())
    }
}

/// Builds a head that reads features of a given shape.
pub trait HeadConfig: Serialize + DeserializeOwned + Clone + Send + Sync {
    /// What it builds.
    type Head: Head;

    /// Builds the head with fresh weights on `device`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a value is out of range, or if the head needs features that the encoder
    /// does not give.
    fn init(&self, features: &FeatureSpec, device: &Device) -> Result<Self::Head, ConfigError>;
}

/// Why a model cannot be built.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A number is outside what makes sense.
    #[error("{field} = {value}: {expected}")]
    Value {
        /// Which field of the configuration.
        field: &'static str,
        /// Its value.
        value: f64,
        /// What it should be.
        expected: &'static str,
    },
    /// The encoder was built for images of another size.
    #[error("the encoder reads {expected} pixels, the preprocessing gives {width} x {height}")]
    InputSize {
        /// What the encoder reads.
        expected: String,
        /// Columns that the preprocessing gives.
        width: usize,
        /// Rows that the preprocessing gives.
        height: usize,
    },
    /// The head needs local features and the encoder gives none.
    #[error("the head needs token features, which this encoder does not give")]
    NeedsTokens,
}

impl ConfigError {
    /// Fails unless `ok`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] with the given parts.
    pub fn check(
        ok: bool,
        field: &'static str,
        value: f64,
        expected: &'static str,
    ) -> Result<(), Self> {
        if ok {
            return Ok(());
        }
        Err(Self::Value {
            field,
            value,
            expected,
        })
    }
}
