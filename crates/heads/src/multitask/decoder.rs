//! The answer of the first task.

use geoloc_core::{DecodeError, Decoder, TwoTasks};
use geoloc_geo_cells::Estimate;

/// Decodes the first output and leaves the auxiliary one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FirstTask<D>(
    /// Decoder of the first output.
    pub D,
);

impl<A, B, D: Decoder<A>> Decoder<TwoTasks<A, B>> for FirstTask<D> {
    fn decode(
        &self,
        output: TwoTasks<A, B>,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        self.0.decode(output.first)
    }
}
