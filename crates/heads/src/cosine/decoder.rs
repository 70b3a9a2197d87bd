//! The cell decoder reads cosines too.

use geoloc_core::{ConfigError, CosineLogits, DecodeError, Decoder, TemperatureScaling};
use geoloc_geo_cells::Estimate;

use crate::cell::CellDecoder;
use crate::rows::Scores;

impl Decoder<CosineLogits> for CellDecoder {
    /// Decodes scale times cosine, without a margin.
    fn decode(
        &self,
        output: CosineLogits,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        self.decode(output.logits())
    }
}

impl TemperatureScaling<CosineLogits> for CellDecoder {
    /// Scale times cosine.
    fn scores(&self, output: CosineLogits) -> Scores {
        self.scores(output.logits())
    }

    fn at_temperature(self, temperature: f64) -> Result<Self, ConfigError> {
        self.with_temperature(temperature)
    }
}
