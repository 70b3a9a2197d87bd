//! The cell decoder reads cosines too.

use geoloc_core::{CosineLogits, DecodeError, Decoder};
use geoloc_geo_cells::Estimate;

use crate::cell::CellDecoder;

impl Decoder<CosineLogits> for CellDecoder {
    /// Decodes scale times cosine, without a margin.
    fn decode(
        &self,
        output: CosineLogits,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        self.decode(output.logits())
    }
}
