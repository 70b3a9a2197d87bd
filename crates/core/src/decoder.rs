//! From outputs to places.

use geoloc_geo_cells::Estimate;
use thiserror::Error;

use crate::ConfigError;

/// Turns outputs of type `O` into places on the host.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not decode `{O}`",
    label = "this decoder does not fit the output of the head"
)]
pub trait Decoder<O>: Send + Sync {
    /// One result per item of the batch, in its order; a bad item does not cost the others.
    ///
    /// # Errors
    ///
    /// The outer error means that the whole output does not fit the decoder, for instance because
    /// it has another number of cells.
    fn decode(&self, output: O) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError>;
}

/// A decoder whose probabilities are the softmax of scores over classes, so that one temperature can
/// correct them (Guo, Pleiss, Sun and Weinberger 2017).
///
/// The temperature is fitted on [`scores`](Self::scores) of photos held out and changes the
/// probabilities and radii of answers, not the answers.
pub trait TemperatureScaling<O>: Decoder<O> + Sized {
    /// The scores of every class, before the temperature, one row an item. A class that cannot be
    /// answered has negative infinity.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`].
    fn scores(&self, output: O) -> Result<Vec<Result<Vec<f64>, DecodeError>>, DecodeError>;

    /// Divides the scores by `temperature` before the softmax.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] unless it is positive and finite.
    fn at_temperature(self, temperature: f64) -> Result<Self, ConfigError>;
}

/// Why an output could not be turned into a place.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The network returned NaN or an infinite value for this item.
    #[error("the model's output for item {index} of the batch is not finite")]
    NotFinite {
        /// Position in the batch.
        index: usize,
    },
    /// The output has another width than the decoder was built for.
    #[error("the model's output has width {found}, the decoder expects {expected}")]
    Width {
        /// What the decoder was built for.
        expected: usize,
        /// What it got.
        found: usize,
    },
    /// The tensor could not be read back from its device.
    #[error("the model's output could not be read from its device: {reason}")]
    Device {
        /// What burn said.
        reason: String,
    },
    /// A search behind the decoder failed.
    #[error("the search for nearest places failed: {reason}")]
    Search {
        /// What the index said.
        reason: String,
    },
}
